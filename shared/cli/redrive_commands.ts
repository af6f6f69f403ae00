import type { Clock } from "@mesh/base";
import type { Command } from "commander";
import { z } from "zod";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { limitOption, readReason } from "./options.ts";
import type { AddCommands, Output } from "./program.ts";
import {
  assertWentWell,
  countsText,
  findRedrive,
  followRedrives,
  pathOf,
  Redrive,
  redriveText,
} from "./redrive_access.ts";
import { plain, table } from "./terminal.ts";
import { dateTime } from "./times.ts";

const Item = z.looseObject({
  ordinal: z.number(),
  letterId: z.string(),
  type: z.string(),
  class: z.string(),
  correlation: z.string(),
  state: z.string(),
  batch: z.number().nullable(),
  why: z.string(),
  detail: z.string(),
  laterId: z.string().nullable(),
});
type Item = z.output<typeof Item>;
const Redrives = z.object({ items: z.array(Redrive) });
const Items = z.object({ items: z.array(Item) });

const acts = [
  ["pause", "take nothing more for now; what is under way is observed to its end"],
  ["resume", "go on with one that is paused or has stopped by itself, with a single message first"],
  ["cancel", "end it; letters that were not taken stay dead"],
] as const;

/** `redrive list | show | pause | resume | cancel`. */
export function redriveCommands(mesh: MeshAccess, clock: Clock): AddCommands {
  return (program, output) => {
    const redrives = program.command("redrives").alias("redrive")
      .description("redrives of many dead letters, each a job; begun with: dlq redrive");
    redrives.command("list")
      .description("list redrives, the newest first")
      .option("--service <name>", "only those of one service")
      .option("--open", "only those that have not ended")
      .addOption(limitOption())
      .action(list(mesh, output));
    redrives.command("show")
      .description("show one redrive and what became of each letter")
      .argument("<id>", "of the redrive")
      .option("--service <name>", "the service that has it; all are asked otherwise")
      .option("--watch", "tell progress until it goes on by itself no more; exit code 1 if anything failed")
      .addOption(limitOption())
      .action(async (id: string, options: ShowOptions, command: Command) => {
        const found = await findRedrive(mesh, id, options.service);
        const tell = (line: string) => output.terminal.err(plain(line));
        const [redrive = found] = options.watch === true
          ? await followRedrives(mesh, [found], { clock, tell })
          : [found];
        const items = await readItems(mesh, redrive, options.limit);
        output.show(command, { json: { ...redrive, items }, text: () => showText(redrive, items) });
        if (options.watch === true) assertWentWell([redrive]);
      });
    for (const [act, what] of acts) {
      redrives.command(act)
        .description(what)
        .argument("<id>", "of the redrive")
        .option("--service <name>", "the service that has it; all are asked otherwise")
        .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
        .action(async (id: string, { service, reason }: { service?: string; reason: string }, command: Command) => {
          const found = await findRedrive(mesh, id, service);
          const redrive = await mesh.post(found.service, `${pathOf(id)}/${act}`, { body: { reason }, schema: Redrive });
          const now = { ...redrive, service: found.service };
          output.show(command, {
            json: now,
            text: () => `redrive ${id} at ${now.service} is ${now.status}: ${countsText(now.counts)}`,
          });
        });
    }
  };
}

interface ShowOptions {
  readonly service?: string;
  readonly watch?: true;
  readonly limit: number;
}

function list(mesh: MeshAccess, output: Output) {
  return async (options: { service?: string; open?: true; limit: number }, command: Command) => {
    const gathered = await gather(selected(mesh, options.service), async (service) => {
      const path = `/operator/v1/redrives?limit=${Math.min(options.limit, 200)}`;
      return (await mesh.get(service, path, Redrives)).items.map((item) => ({ ...item, service }));
    });
    const found = gathered.answers.flatMap(({ value }) => value)
      .filter(({ status }) => options.open !== true || !["done", "cancelled"].includes(status))
      .sort((a, b) => b.createdAtMs - a.createdAtMs);
    output.show(command, { json: { items: found }, text: () => listText(found) });
    assertAllAnswered(gathered);
  };
}

async function readItems(mesh: MeshAccess, { id, service }: Redrive, limit: number): Promise<readonly Item[]> {
  const items: Item[] = [];
  while (items.length < limit) {
    const wanted = Math.min(1_000, limit - items.length);
    const query = new URLSearchParams({ limit: String(wanted), after: String(items.at(-1)?.ordinal ?? 0) });
    const page = await mesh.get(service, `${pathOf(id)}/items?${query}`, Items);
    items.push(...page.items);
    if (page.items.length < wanted) break;
  }
  return items;
}

function listText(redrives: readonly Redrive[]): string {
  if (redrives.length === 0) return "No redrives";
  return table(
    ["SERVICE", "ID", "STARTED", "STATUS", "LETTERS", "REASON"],
    redrives.map(({ service, id, createdAtMs, status, counts, reason }) => [
      service,
      id,
      dateTime(createdAtMs),
      status,
      countsText(counts),
      reason,
    ]),
  );
}

function showText(redrive: Redrive, items: readonly Item[]): string {
  const rows = items.map(({ ordinal, letterId, type, correlation, state, batch, why, detail }) => [
    String(ordinal),
    letterId,
    type,
    correlation,
    state,
    batch === null ? "" : String(batch),
    why === "" ? "" : `${why}: ${detail}`,
  ]);
  const headings = ["N", "LETTER", "TYPE", "CORRELATION", "STATE", "BATCH", "WHY"];
  return `${redriveText(redrive)}\n\n${rows.length === 0 ? "No letters" : table(headings, rows)}`;
}
