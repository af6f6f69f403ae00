import { slotCount } from "@mesh/base";
import { correlationIntake, keyIntake, mailboxQueue } from "@mesh/broker";
import { hasMailbox } from "@mesh/contract";
import { z } from "zod";
import { services } from "../../topology.ts";
import type { Manifest } from "../cluster.ts";
import type { Installation } from "../installation.ts";
import type { Finding } from "./finding.ts";

const Binding = z.object({ spec: z.object({ source: z.string(), destination: z.string(), routingKey: z.string() }) });
const Named = z.object({ spec: z.object({ name: z.string() }) });
const OfUser = z.object({ spec: z.object({ userReference: z.object({ name: z.string() }) }) });

/**
 * Every slot of every mailbox leads to exactly one queue, what bindings name is there, and each service has a user with
 * rights that say something of every exchange that it could write to.
 */
export function checkTopology(manifests: readonly Manifest[], { partitions }: Installation): readonly Finding[] {
  const named = (kind: string) =>
    new Set(manifests.filter((each) => each.kind === kind).map((each) => Named.parse(each).spec.name));
  const [queues, exchanges] = [named("Queue"), named("Exchange")];
  const bindings = manifests.filter(({ kind }) => kind === "Binding").map((each) => Binding.parse(each).spec);
  const lost = bindings.flatMap(({ source, destination }) => [
    ...(exchanges.has(source) ? [] : [source]),
    ...(queues.has(destination) || exchanges.has(destination) ? [] : [destination]),
  ]);
  return [
    ...lost.map((name) => ({ rule: "topology", object: `Binding of ${name}`, message: "it names what is not there" })),
    ...services.filter(hasMailbox).flatMap(({ name }) =>
      [keyIntake(name), correlationIntake(name)].filter((intake) => exchanges.has(intake)).flatMap((intake) => {
        const of = { intake, queues: partitionQueues(name, partitions) };
        return slotFindings(bindings.filter(({ source }) => source === intake), of);
      })
    ),
    ...rightsFindings(manifests),
  ];
}

function slotFindings(
  bindings: readonly z.output<typeof Binding>["spec"][],
  { intake, queues }: { readonly intake: string; readonly queues: ReadonlySet<string> },
): readonly Finding[] {
  const object = `Exchange ${intake}`;
  const rule = "slots";
  const foreign = bindings.filter(({ destination }) => !queues.has(destination));
  const slots = bindings.flatMap(({ routingKey }) => slotsOf(routingKey));
  const wrong = Array.from({ length: slotCount }, (_, slot) => slot)
    .map((slot) => [slot, slots.filter((each) => each === slot).length] as const)
    .filter(([, count]) => count !== 1);
  return [
    ...foreign.map(({ destination }) => ({ rule, object, message: `it leads to ${destination}` })),
    ...wrong.map(([slot, count]) => ({ rule, object, message: `slot ${slot} leads to ${count} queues` })),
  ];
}

/** `#` takes every slot, `*.*.*.k07.#` and `*.*.*.*.c07` one. */
function slotsOf(routingKey: string): readonly number[] {
  if (routingKey === "#") return Array.from({ length: slotCount }, (_, slot) => slot);
  const slot = /^(?:\*\.\*\.\*\.k(\d\d)\.#|\*\.\*\.\*\.\*\.c(\d\d))$/.exec(routingKey);
  return slot === null ? [] : [Number(slot[1] ?? slot[2])];
}

function partitionQueues(service: string, partitions: number): ReadonlySet<string> {
  return new Set(Array.from({ length: partitions }, (_, partition) => mailboxQueue(service, partition)));
}

/** Without a topic permission on an exchange a user may publish there with every key. */
function rightsFindings(manifests: readonly Manifest[]): readonly Finding[] {
  const users = (kind: string) =>
    manifests.filter((each) => each.kind === kind).map((each) => OfUser.parse(each).spec.userReference.name);
  const [withRights, withTopicRights] = [users("Permission"), users("TopicPermission")];
  // The mesh's own exchanges and one per tier of waiting; intakes are written to by the broker alone.
  const shared = manifests.filter(({ kind, metadata }) => kind === "Exchange" && metadata.name.startsWith("mesh-"));
  return services.flatMap(({ name }) => {
    const object = `User ${name}`;
    const count = withTopicRights.filter((user) => user === name).length;
    return [
      ...(manifests.some(({ kind, metadata }) => kind === "User" && metadata.name === name)
        ? []
        : [{ rule: "rights", object, message: "there is none" }]),
      ...(withRights.filter((user) => user === name).length === 1
        ? []
        : [{ rule: "rights", object, message: "it wants exactly one Permission" }]),
      ...(count === shared.length ? [] : [{
        rule: "rights",
        object,
        message: `it has ${count} topic permissions, there are ${shared.length} exchanges`,
      }]),
    ];
  });
}
