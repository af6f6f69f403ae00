import type { Command } from "commander";
import { z } from "zod";
import { actOn, type ActOptions, readActor, Timer } from "./actor_access.ts";
import { actedText, actorText } from "./actor_text.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { idOption, limitOption, readMoment, readReason, readShift } from "./options.ts";
import type { AddCommands, Output } from "./program.ts";
import { table } from "./terminal.ts";
import { dateTime } from "./times.ts";

const Page = z.object({ items: z.array(Timer), next: z.string().nullable() });
type Listed = z.output<typeof Timer> & { readonly service: string };

interface ListOptions {
  readonly service?: string;
  readonly stream?: string;
  readonly dueBefore?: number;
  readonly limit: number;
}

/** `timers list | explain | shift | cancel`. */
export function timerCommands(mesh: MeshAccess): AddCommands {
  return (program, output) => {
    const timers = program.command("timers").alias("timer").description(
      "timers: deadlines that actors and sagas wait for",
    );
    timers.command("list")
      .description("list timers, the next one first")
      .option("--service <name>", "only those of one service")
      .option("--stream <beginning>", "only streams that begin so, for example orchestrator/place-order/")
      .option("--due-before <time>", "only those due before then: 2026-01-31T12:00:00Z", readMoment)
      .addOption(limitOption())
      .action(list(mesh, output));
    timers.command("explain")
      .description("tell what an actor waits for, how often it has asked, what comes next, and what may be done")
      .argument("<stream>", "for example orchestrator/place-order/<order id>")
      .action(async (stream: string, _options: unknown, command: Command) => {
        const actor = await readActor(mesh, stream);
        output.show(command, { json: actor, text: () => actorText(actor) });
      });
    timers.command("shift")
      .description("move a deadline; commands that were sent with an expiry keep it")
      .argument("<stream>", "whose deadline")
      .requiredOption("--by <duration>", "for example 10m, -90s, 2h, 1d; what is past then comes at once", readShift)
      .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
      .addOption(idOption())
      .action(async (stream: string, { by, ...options }: ActOptions & { by: number }, command: Command) => {
        const acted = await actOn(mesh, stream, { ...options, act: { name: "shift-timer", byMs: by } });
        output.show(command, { json: acted, text: () => actedText("shifted", acted) });
      });
    timers.command("cancel")
      .description("take an alarm away; a deadline that ends a wait cannot be cancelled, only shifted")
      .argument("<stream>", "whose alarm")
      .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
      .addOption(idOption())
      .action(async (stream: string, options: ActOptions, command: Command) => {
        const acted = await actOn(mesh, stream, { ...options, act: { name: "cancel-timer" } });
        output.show(command, { json: acted, text: () => actedText("cancelled", acted) });
      });
  };
}

function list(mesh: MeshAccess, output: Output) {
  return async (options: ListOptions, command: Command) => {
    const gathered = await gather(selected(mesh, options.service), (service) => readAll(mesh, service, options));
    const found = gathered.answers.flatMap(({ value }) => value).sort((a, b) => dueOf(a) - dueOf(b));
    output.show(command, { json: { items: found }, text: () => listText(found) });
    assertAllAnswered(gathered);
  };
}

async function readAll(
  mesh: MeshAccess,
  service: string,
  { stream = "", dueBefore, limit }: ListOptions,
): Promise<readonly Listed[]> {
  const timers: Listed[] = [];
  for (let after: string | null = ""; after !== null && timers.length < limit;) {
    const query = new URLSearchParams({ limit: String(Math.min(200, limit - timers.length)) });
    if (stream !== "") query.set("prefix", stream);
    if (dueBefore !== undefined) query.set("dueBeforeMs", String(dueBefore));
    if (after !== "") query.set("after", after);
    const { items, next }: z.output<typeof Page> = await mesh.get(service, `/operator/v1/timers?${query}`, Page);
    timers.push(...items.map((item) => ({ ...item, service })));
    after = next;
  }
  return timers;
}

function dueOf({ dueAtMs, wakesAtMs }: Listed): number {
  return dueAtMs ?? wakesAtMs;
}

function listText(timers: readonly Listed[]): string {
  if (timers.length === 0) return "No timers";
  return table(
    ["STREAM", "DUE", "FOR", "STEP", "WAITS FOR", "NOTE"],
    timers.map((timer) => {
      const { stream, firedAtMs, explanation, fault } = timer;
      const commands = new Set(explanation?.waits.map(({ command }) => command) ?? []);
      return [
        stream,
        dateTime(dueOf(timer)),
        explanation?.deadline?.for ?? "",
        explanation?.step ?? explanation?.phase ?? "",
        [...commands].join(", "),
        [
          firedAtMs === null ? "" : "fired",
          explanation?.needsAttention === true ? "NEEDS ATTENTION" : "",
          fault ?? "",
        ].filter((word) => word !== "").join(", "),
      ];
    }),
  );
}
