import { ConfigError, slotCount } from "@mesh/base";
import {
  commandsExchange,
  eventsExchange,
  hasMailbox,
  outcomeCommandType,
  type ServiceDefinition,
  slotWord,
  timerCommandType,
} from "@mesh/contract";
import type { BindingSpec, BrokerTopology, PolicySpec, QueueSpec, UserSpec } from "./topology.ts";
import {
  correlationIntake,
  deadExchange,
  deadQueue,
  defaultTiersMs,
  keyIntake,
  mailboxQueue,
  partitionOfSlot,
  retryExchange,
  retryQueue,
} from "./topology_names.ts";

/** What the topology leaves to the installation. */
export interface TopologyOptions {
  /** Partitions of each mailbox, 1 to 64, the same for all services or by service name. */
  readonly partitions: number | ((service: string) => number);
  /** Delays of the retry tiers, each at least 1 ms; 1 s, 10 s, 1 min and 10 min by default. */
  readonly tiersMs?: readonly number[];
}

/**
 * Describes everything that the broker must hold for these services.
 *
 * Services declare nothing; the definitions file, the Kubernetes resources and `mesh topology` come from this value.
 *
 * @param services Every service of the mesh.
 * @throws {ConfigError} If a partition count or a tier is out of range, or two services share a name.
 *
 * @example A service's rights follow from its contracts
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { z } from "zod";
 * import { brokerTopology } from "@mesh/broker";
 * import { defineCommand, defineService } from "@mesh/contract";
 *
 * const CountStock = defineCommand("inventory.count-stock", {
 *   version: 1,
 *   schema: z.object({ sku: z.string() }),
 *   key: ({ sku }) => sku,
 * });
 * const inventory = defineService({
 *   name: "inventory", purpose: "Keeps stock", accepts: [CountStock], publishes: [], sends: [], subscribes: [], calls: [],
 *   internalPort: 9101,
 * });
 * const { queues } = brokerTopology([inventory], { partitions: 1, tiersMs: [1_000] });
 * assertEquals(queues.map(({ name }) => name), ["inventory.in.p0", "inventory.retry.1000", "inventory.dead"]);
 * ```
 */
export function brokerTopology(services: readonly ServiceDefinition[], options: TopologyOptions): BrokerTopology {
  const tiersMs = checkedTiers(options.tiersMs ?? defaultTiersMs);
  if (new Set(services.map(({ name }) => name)).size < services.length) {
    throw new ConfigError("Cannot describe topology: two services share a name");
  }
  const plans = services.filter(hasMailbox).map((service) => planOf(service, options.partitions, tiersMs));
  const shared = [eventsExchange, commandsExchange, ...tiersMs.map(retryExchange), deadExchange];
  return {
    exchanges: [...shared, ...plans.flatMap(intakesOf)].map((name) => ({ name })),
    queues: plans.flatMap(queuesOf),
    bindings: plans.flatMap(bindingsOf),
    policies: [...plans.map(mailboxPolicy), ...tiersMs.map(retryPolicyOf), deadPolicy],
    users: services.map((service) => userOf(service, tiersMs)),
  };
}

/** Routing-key stems (`<type>.v<major>`) that enter a service's mailbox, by intake. */
export interface Intakes {
  readonly commands: readonly string[];
  readonly eventsByKey: readonly string[];
  readonly eventsByCorrelation: readonly string[];
}

/** Says what enters a service's mailbox, and by which of its two intakes; a type enters exactly one. */
export function intakeStems(service: ServiceDefinition): Intakes {
  const stem = ({ type, version }: { readonly type: string; readonly version: number }) => `${type}.v${version}`;
  const subscribed = (by: "key" | "correlation") =>
    service.subscribes.filter((subscription) => subscription.by === by).map(({ event }) => stem(event));
  return {
    commands: [...service.accepts.map(stem), ...internalStems(service)],
    eventsByKey: subscribed("key"),
    eventsByCorrelation: subscribed("correlation"),
  };
}

interface MailboxPlan {
  readonly service: string;
  readonly partitions: number;
  readonly tiersMs: readonly number[];
  readonly intakes: Intakes;
}

function planOf(
  service: ServiceDefinition,
  partitionsOption: TopologyOptions["partitions"],
  tiersMs: readonly number[],
): MailboxPlan {
  const partitions = typeof partitionsOption === "number" ? partitionsOption : partitionsOption(service.name);
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > slotCount) {
    throw new ConfigError(
      `Cannot describe mailbox of "${service.name}": partitions must be 1 to ${slotCount}, found ${partitions}`,
    );
  }
  return { service: service.name, partitions, tiersMs, intakes: intakeStems(service) };
}

function checkedTiers(tiersMs: readonly number[]): readonly number[] {
  const isValid = tiersMs.length > 0 && tiersMs.every((delayMs) => Number.isInteger(delayMs) && delayMs >= 1) &&
    new Set(tiersMs).size === tiersMs.length;
  if (!isValid) {
    throw new ConfigError(`Cannot describe retry tiers: want different whole milliseconds, found [${tiersMs}]`);
  }
  return tiersMs;
}

function usesKeyIntake({ intakes }: MailboxPlan): boolean {
  return intakes.commands.length > 0 || intakes.eventsByKey.length > 0;
}

function usesCorrelationIntake({ intakes }: MailboxPlan): boolean {
  return intakes.eventsByCorrelation.length > 0;
}

function intakesOf(plan: MailboxPlan): readonly string[] {
  return [
    ...(usesKeyIntake(plan) ? [keyIntake(plan.service)] : []),
    ...(usesCorrelationIntake(plan) ? [correlationIntake(plan.service)] : []),
  ];
}

function queuesOf({ service, partitions, tiersMs }: MailboxPlan): readonly QueueSpec[] {
  return [
    ...Array.from({ length: partitions }, (_, partition) => ({
      name: mailboxQueue(service, partition),
      isSingleActiveConsumer: true,
    })),
    ...tiersMs.map((delayMs) => ({ name: retryQueue(service, delayMs), isSingleActiveConsumer: false })),
    { name: deadQueue(service), isSingleActiveConsumer: false },
  ];
}

function bindingsOf(plan: MailboxPlan): readonly BindingSpec[] {
  const { service, tiersMs, intakes } = plan;
  return [
    ...intakes.commands.map((stem) => toExchange(commandsExchange, keyIntake(service), `${stem}.*`)),
    ...intakes.eventsByKey.map((stem) => toExchange(eventsExchange, keyIntake(service), `${stem}.#`)),
    ...intakes.eventsByCorrelation.map((stem) => toExchange(eventsExchange, correlationIntake(service), `${stem}.#`)),
    // `.#` takes the correlation word of events and its absence in commands alike.
    ...(usesKeyIntake(plan) ? slotBindings(plan, keyIntake(service), (slot) => `*.*.*.k${slot}.#`) : []),
    ...(usesCorrelationIntake(plan)
      ? slotBindings(plan, correlationIntake(service), (slot) => `*.*.*.*.c${slot}`)
      : []),
    ...tiersMs.map((delayMs) => toQueue(retryExchange(delayMs), retryQueue(service, delayMs), `${service}.in.#`)),
    toQueue(deadExchange, deadQueue(service), service),
  ];
}

function slotBindings(
  { service, partitions }: MailboxPlan,
  intake: string,
  patternOf: (slotWord: string) => string,
): readonly BindingSpec[] {
  if (partitions === 1) return [toQueue(intake, mailboxQueue(service, 0), "#")];
  return Array.from(
    { length: slotCount },
    (_, slot) => toQueue(intake, mailboxQueue(service, partitionOfSlot(slot, partitions)), patternOf(slotWord(slot))),
  );
}

function toExchange(source: string, destination: string, pattern: string): BindingSpec {
  return { source, destination, destinationType: "exchange", pattern };
}

function toQueue(source: string, destination: string, pattern: string): BindingSpec {
  return { source, destination, destinationType: "queue", pattern };
}

/**
 * 100: a mailbox's deliveries before the broker itself dead-letters. It counts every message that lay unanswered at a lost
 * connection, and where those are lost faster than messages are handled, a low limit kills messages that nobody has looked
 * at. Whoever ends a process again and again is found by the process itself, much earlier.
 */
const mailboxDeliveryLimit = 100;
/**
 * Broker versions from 4.0 put a limit of 20 on a queue without one and then drop, which must not happen to evidence;
 * "no limit" cannot be said on 3.10, so this is a limit that nobody reaches.
 */
const deadDeliveryLimit = 1_000_000_000;

function mailboxPolicy({ service }: MailboxPlan): PolicySpec {
  return {
    name: `${service}.in`,
    pattern: `^${service}\\.in\\.p[0-9]+$`,
    deliveryLimit: mailboxDeliveryLimit,
    deadLetterExchange: deadExchange,
    deadLetterRoutingKey: service,
  };
}

/** No dead-letter key: a message keeps the one it came with, its mailbox's name, and the default exchange obeys it. */
function retryPolicyOf(delayMs: number): PolicySpec {
  return {
    name: retryExchange(delayMs),
    pattern: `^[a-z][a-z0-9-]*\\.retry\\.${delayMs}$`,
    messageTtlMs: delayMs,
    deadLetterExchange: "",
  };
}

const deadPolicy: PolicySpec = Object.freeze({
  name: deadExchange,
  pattern: "^[a-z][a-z0-9-]*\\.dead$",
  deliveryLimit: deadDeliveryLimit,
});

/** A regular expression that nothing fits; RabbitMQ reads an absent topic permission as "everything". */
const nothing = "^$";

function userOf(service: ServiceDefinition, tiersMs: readonly number[]): UserSpec {
  const { name } = service;
  const isReceiver = hasMailbox(service);
  const stems = [...service.sends.map(({ type, version }) => `${type}.v${version}`), ...internalStems(service)];
  const writable = [
    eventsExchange,
    ...(stems.length > 0 ? [commandsExchange] : []),
    ...(isReceiver ? tiersMs.map(retryExchange) : []),
  ];
  const topicWrite: Record<string, string> = {
    [eventsExchange]: `^${name}\\.`,
    [commandsExchange]: stems.length > 0 ? `^(${stems.map(escaped).join("|")})\\.k[0-9][0-9]$` : nothing,
    [deadExchange]: nothing,
  };
  for (const delayMs of tiersMs) topicWrite[retryExchange(delayMs)] = isReceiver ? `^${name}\\.in\\.` : nothing;
  return {
    name,
    read: isReceiver ? `^(${name}\\.in\\.p[0-9]+|${escaped(deadQueue(name))})$` : nothing,
    write: `^(${writable.map(escaped).join("|")})$`,
    topicWrite,
  };
}

function internalStems({ name, commandsItself }: ServiceDefinition): readonly string[] {
  return commandsItself === true ? [timerCommandType(name), outcomeCommandType(name)].map((type) => `${type}.v1`) : [];
}

function escaped(text: string): string {
  return text.replaceAll(".", "\\.");
}
