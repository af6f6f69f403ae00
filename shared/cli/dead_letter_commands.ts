import { type Command, Option } from "commander";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { limitOption, readReason } from "./options.ts";
import type { AddCommands, Output } from "./program.ts";
import { plain, table } from "./terminal.ts";
import { dateTime } from "./times.ts";

const DeadLetter = z.looseObject({
  id: z.string(),
  messageId: z.string(),
  type: z.string(),
  class: z.string(),
  reason: z.string(),
  detail: z.string(),
  attempts: z.number(),
  queue: z.string(),
  userId: z.string(),
  correlation: z.string(),
  body: z.string(),
  bodyBytes: z.number(),
  diedAtMs: z.number(),
  status: z.string(),
});
type DeadLetter = z.output<typeof DeadLetter> & { readonly service: string };
const Page = z.object({ items: z.array(DeadLetter) });

/** `dlq list | show | redrive | discard`. */
export function deadLetterCommands(mesh: MeshAccess): AddCommands {
  return (program, output) => {
    const dlq = program.command("dlq").description("dead letters: messages that will not be handled by themselves");
    dlq.command("list")
      .description("list dead letters, the newest first")
      .option("--service <name>", "only those of one service")
      .addOption(
        new Option("--status <word>", "only those in this state").choices(["dead", "redriven", "discarded", "all"])
          .default("dead"),
      )
      .addOption(limitOption())
      .action(list(mesh, output));
    dlq.command("show")
      .description("show one dead letter with what it says")
      .argument("<id>", "of the dead letter")
      .option("--service <name>", "the service that has it; all are asked otherwise")
      .action(async (id: string, options: { service?: string }, command: Command) => {
        const letter = await findLetter(mesh, id, options.service);
        output.show(command, { json: { ...letter, payload: payloadOf(letter) }, text: () => letterText(letter) });
      });
    for (const [verb, what] of verbs) {
      dlq.command(verb)
        .description(what)
        .argument("<id...>", "of dead letters; all of one service change together or not at all")
        .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
        .option("--service <name>", "the service that has them; all are asked otherwise")
        .action(settle(mesh, output, verb));
    }
  };
}

const verbs = [
  ["redrive", "send dead letters of the last 14 days through their mailbox again, from the first attempt"],
  ["discard", "give dead letters up; they stay on record"],
] as const;

function list(mesh: MeshAccess, output: Output) {
  return async (options: { service?: string; status: string; limit: number }, command: Command) => {
    const gathered = await gather(selected(mesh, options.service), (service) => readAll(mesh, service, options));
    const letters = gathered.answers.flatMap(({ value }) => value).sort((a, b) => b.diedAtMs - a.diedAtMs);
    output.show(command, { json: { items: letters }, text: () => listText(letters) });
    assertAllAnswered(gathered);
  };
}

async function readAll(
  mesh: MeshAccess,
  service: string,
  { status, limit }: { readonly status: string; readonly limit: number },
): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  while (letters.length < limit) {
    const wanted = Math.min(200, limit - letters.length);
    const query = new URLSearchParams({ limit: String(wanted) });
    if (status !== "all") query.set("status", status);
    const last = letters.at(-1);
    if (last !== undefined) query.set("after", last.id);
    const { items } = await mesh.get(service, `/operator/v1/dead-letters?${query}`, Page);
    letters.push(...items.map((item) => ({ ...item, service })));
    if (items.length < wanted) break;
  }
  return letters;
}

async function findLetter(mesh: MeshAccess, id: string, service?: string): Promise<DeadLetter> {
  const gathered = await gather(selected(mesh, service), async (name) => {
    try {
      const path = `/operator/v1/dead-letters/${encodeURIComponent(id)}`;
      return { ...await mesh.get(name, path, DeadLetter), service: name };
    } catch (error) {
      if (error instanceof CliError && error.exitCode === exitCodes.notFound) return undefined;
      throw error;
    }
  });
  const found = gathered.answers.find(({ value }) => value !== undefined)?.value;
  if (found !== undefined) return found;
  // Whoever did not answer may have it.
  assertAllAnswered(gathered);
  throw new CliError(exitCodes.notFound, `Cannot find dead letter "${id}": no service has it`);
}

function settle(mesh: MeshAccess, output: Output, verb: "redrive" | "discard") {
  return async (ids: readonly string[], options: { reason: string; service?: string }, command: Command) => {
    const past = verb === "redrive" ? "redriven" : "discarded";
    const letters = await Promise.all([...new Set(ids)].map((id) => findLetter(mesh, id, options.service)));
    const byService = [...Map.groupBy(letters, ({ service }) => service)];
    const done: { service: string; ids: readonly string[] }[] = [];
    const show = () =>
      output.show(command, {
        json: { [past]: done },
        text: () => done.map(({ service, ids }) => `${past} at ${service}: ${ids.join(", ")}`).join("\n"),
      });
    for (const [service, found] of byService) {
      const own = found.map(({ id }) => id);
      const body = { ids: own, reason: options.reason };
      try {
        await mesh.post(service, `/operator/v1/dead-letters/${verb}`, { body, schema: z.unknown() });
      } catch (error) {
        // What is done at the services before is done.
        if (done.length > 0) show();
        throw error;
      }
      done.push({ service, ids: own });
    }
    show();
  };
}

function listText(letters: readonly DeadLetter[]): string {
  if (letters.length === 0) return "No dead letters";
  return table(
    ["SERVICE", "ID", "DIED", "STATUS", "CLASS", "REASON", "TYPE", "TRIES", "CORRELATION"],
    letters.map((letter) => [
      letter.service,
      letter.id,
      dateTime(letter.diedAtMs),
      letter.status,
      letter.class,
      letter.reason,
      letter.type,
      String(letter.attempts),
      letter.correlation,
    ]),
  );
}

function letterText(letter: DeadLetter): string {
  const { service, id, status, diedAtMs, type, messageId, correlation, queue, userId, attempts, bodyBytes } = letter;
  const lines = [
    ["dead letter", id],
    ["service", service],
    ["status", status],
    ["died", dateTime(diedAtMs)],
    ["why", `${letter.class}: ${letter.reason}`],
    ["detail", letter.detail],
    ["type", type],
    ["message", messageId],
    ["correlation", correlation],
    ["queue", queue],
    ["published by", userId],
    ["attempts", String(attempts)],
    ["size", `${bodyBytes} bytes`],
  ];
  const payload = payloadOf(letter);
  const trust = letter.class === "untrusted" ? " (never proven: do not believe it)" : "";
  return [
    ...lines.map(([name = "", value = ""]) => `${`${name}:`.padEnd(14)}${plain(value)}`),
    ...(payload === undefined
      ? []
      : ["", `says${trust}:`, JSON.stringify(payload, null, 2).split("\n").map(plain).join("\n")]),
  ].join("\n");
}

/** The claims of a body that looks like an envelope. */
function payloadOf({ body }: DeadLetter): unknown {
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(body));
    const payload = Uint8Array.fromBase64(text.split(".")[1] ?? "", { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
