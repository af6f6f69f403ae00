import type { Command } from "commander";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { limitOption, readReason } from "./options.ts";
import type { AddCommands, Output } from "./program.ts";
import { table } from "./terminal.ts";
import { dateTime } from "./times.ts";

const Lane = z.looseObject({
  lane: z.string(),
  state: z.enum(["retry", "dead", "releasing"]),
  reason: z.string(),
  deadLetterId: z.string().optional(),
  closedAtMs: z.number(),
  parkedCount: z.number(),
  head: z.looseObject({ messageId: z.string(), type: z.string(), correlation: z.string(), attempt: z.number() }),
});
const Page = z.object({ items: z.array(Lane), count: z.number() });

type Listed = z.output<typeof Lane> & { readonly service: string };

/** `lanes list | release | skip`. */
export function laneCommands(mesh: MeshAccess): AddCommands {
  return (program, output) => {
    const lanes = program.command("lanes").alias("lane").description(
      "lanes: messages that wait behind one that failed, so that they do not overtake it",
    );
    lanes.command("list")
      .description("list lanes that are held up, the one that was held up first first")
      .option("--service <name>", "only those of one service")
      .addOption(limitOption())
      .action(list(mesh, output));
    for (const { verb, description, done } of verbs) {
      lanes.command(verb)
        .description(description)
        .argument("<lane>", "its name in the list, for example inventory/TEA-0001~<order id>")
        .option("--service <name>", "whose lane; by default the service at the beginning of its name")
        .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
        .action(async (lane: string, { service, reason }: { service?: string; reason: string }, command: Command) => {
          const owner = service ?? ownerOf(mesh, lane);
          const path = `/operator/v1/lanes/${verb}`;
          const found = await mesh.post(owner, path, { body: { lane, reason }, schema: Lane });
          output.show(command, { json: found, text: () => done(found) });
        });
    }
  };
}

const verbs = [
  {
    verb: "release",
    description: "try the message that failed again at once; what waits behind it follows in its order",
    done: ({ head, parkedCount }: z.output<typeof Lane>) =>
      `${head.type} ${head.messageId} is tried again; ${countText(parkedCount)} behind it`,
  },
  {
    verb: "skip",
    description: "give the message that failed up, as a discarded dead letter; what waits behind it goes on without it",
    done: ({ head, parkedCount }: z.output<typeof Lane>) =>
      `${head.type} ${head.messageId} is given up; ${countText(parkedCount)} behind it`,
  },
] as const;

function countText(count: number): string {
  return count === 1 ? "1 message goes on" : `${count} messages go on`;
}

/** A lane is named after the actor that it leads to, but for read models: theirs are named after the stream they read. */
function ownerOf({ services }: MeshAccess, lane: string): string {
  const name = lane.slice(0, lane.indexOf("/"));
  if (lane.includes("~") && services.some((service) => service.name === name)) return name;
  throw new CliError(exitCodes.usage, `Cannot tell whose lane "${lane}" is: name the service with --service`);
}

function list(mesh: MeshAccess, output: Output) {
  return async ({ service: only, limit }: { service?: string; limit: number }, command: Command) => {
    const gathered = await gather(
      selected(mesh, only),
      (service) => mesh.get(service, `/operator/v1/lanes?limit=${Math.min(limit, 1_000)}`, Page),
    );
    const items = gathered.answers
      .flatMap(({ service, value }) => value.items.map((item): Listed => ({ ...item, service })))
      .sort((left, right) => left.closedAtMs - right.closedAtMs)
      .slice(0, limit);
    output.show(command, { json: { items }, text: () => listText(items) });
    assertAllAnswered(gathered);
  };
}

function listText(lanes: readonly Listed[]): string {
  if (lanes.length === 0) return "No lane is held up";
  return table(
    ["SERVICE", "LANE", "SINCE", "HELD UP BY", "ATTEMPTS", "WHY", "BEHIND IT", "NOTE"],
    lanes.map(({ service, lane, closedAtMs, head, reason, parkedCount, state }) => [
      service,
      lane,
      dateTime(closedAtMs),
      state === "releasing" ? "" : head.type,
      state === "releasing" ? "" : String(head.attempt),
      reason,
      String(parkedCount),
      notes[state],
    ]),
  );
}

const notes = { retry: "waits for its next attempt", dead: "DEAD", releasing: "being let go" } as const;
