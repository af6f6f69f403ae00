import type { Clock } from "@mesh/base";
import { type Command, Option } from "commander";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { choiceFields, type LetterChoice, withLetterChoice } from "./letter_options.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { limitOption, readCount, readReason } from "./options.ts";
import type { AddCommands, Output } from "./program.ts";
import { assertChosen, forecast, order, type RedriveChoice, withRedriveLimits } from "./redrive_order.ts";
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
export function deadLetterCommands(mesh: MeshAccess, clock: Clock): AddCommands {
  return (program, output) => {
    const dlq = program.command("dlq").description("dead letters: messages that will not be handled by themselves");
    withLetterChoice(dlq.command("list"))
      .description("list dead letters, the newest first")
      .option("--service <name>", "only those of one service")
      .addOption(
        new Option("--status <word>", "only those in this state").choices(["dead", "redriven", "discarded", "all"])
          .default("dead"),
      )
      .addOption(limitOption())
      .action(list(mesh, output, clock));
    dlq.command("show")
      .description("show one dead letter with what it says")
      .argument("<id>", "of the dead letter")
      .option("--service <name>", "the service that has it; all are asked otherwise")
      .action(async (id: string, options: { service?: string }, command: Command) => {
        const letter = await findLetter(mesh, id, options.service);
        output.show(command, { json: { ...letter, payload: payloadOf(letter) }, text: () => letterText(letter) });
      });
    withRedriveLimits(withLetterChoice(dlq.command("redrive")))
      .description(
        "send dead letters of the last 14 days through their mailbox again, from the first attempt: those with these ids " +
          "at once, or, chosen by what they are, as a job that goes on by itself (see: redrive list)",
      )
      .argument("[id...]", "of dead letters; all of one service change together or not at all")
      .option("--all", "every dead letter")
      .option("--key <key>", "only those for, or about, one actor: a SKU, an order id")
      .option("--service <name>", "only those of one service")
      .option("--limit <n>", "the oldest so many of a service (1000)", readCount)
      .option("--dry-run", "say of each letter whether it would be taken, and why not; change nothing")
      .option("--watch", "tell progress until the end; exit code 1 if anything failed")
      .option("--reason <text>", "why; it is recorded and signed; needed unless --dry-run", readReason)
      .action(redrive({ mesh, output, clock }));
    dlq.command("discard")
      .description("give dead letters up; they stay on record")
      .argument("<id...>", "of dead letters; all of one service change together or not at all")
      .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
      .option("--service <name>", "the service that has them; all are asked otherwise")
      .action((ids: readonly string[], options: { reason: string; service?: string }, command: Command) =>
        settle({ mesh, output }, { ids, ...options, verb: "discard", command })
      );
  };
}

function redrive(options: Parameters<typeof order>[0]) {
  return async (ids: readonly string[], choice: RedriveChoice, command: Command) => {
    assertChosen(ids, choice);
    if (choice.dryRun === true) return await forecast(options, { ids, choice, command });
    const { reason, service } = choice;
    if (reason === undefined) throw new CliError(exitCodes.usage, "Cannot redrive: --reason is not given");
    if (ids.length === 0) return await order(options, { choice, reason, command });
    await settle(options, { ids, reason, verb: "redrive", command, ...(service === undefined ? {} : { service }) });
  };
}

interface ListOptions extends LetterChoice {
  readonly service?: string;
  readonly status: string;
  readonly limit: number;
}

function list(mesh: MeshAccess, output: Output, clock: Clock) {
  return async (options: ListOptions, command: Command) => {
    const choice = choiceFields(options, clock.nowMs());
    const gathered = await gather(
      selected(mesh, options.service),
      (service) => readAll(mesh, service, { ...options, choice }),
    );
    const letters = gathered.answers.flatMap(({ value }) => value).sort((a, b) => b.diedAtMs - a.diedAtMs);
    output.show(command, { json: { items: letters }, text: () => listText(letters) });
    assertAllAnswered(gathered);
  };
}

async function readAll(
  mesh: MeshAccess,
  service: string,
  { status, limit, choice }: ListOptions & { readonly choice: ReturnType<typeof choiceFields> },
): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  while (letters.length < limit) {
    const wanted = Math.min(200, limit - letters.length);
    const query = new URLSearchParams({ limit: String(wanted) });
    for (const [name, value] of Object.entries(choice)) query.set(name, String(value));
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

async function settle(
  { mesh, output }: { readonly mesh: MeshAccess; readonly output: Output },
  { ids, reason, service: only, verb, command }: {
    readonly ids: readonly string[];
    readonly reason: string;
    readonly service?: string;
    readonly verb: "redrive" | "discard";
    readonly command: Command;
  },
): Promise<void> {
  const past = verb === "redrive" ? "redriven" : "discarded";
  const letters = await Promise.all([...new Set(ids)].map((id) => findLetter(mesh, id, only)));
  const byService = [...Map.groupBy(letters, ({ service }) => service)];
  const done: { service: string; ids: readonly string[] }[] = [];
  const show = () =>
    output.show(command, {
      json: { [past]: done },
      text: () => done.map(({ service, ids }) => `${past} at ${service}: ${ids.join(", ")}`).join("\n"),
    });
  for (const [service, found] of byService) {
    const own = found.map(({ id }) => id);
    try {
      const body = { ids: own, reason };
      await mesh.post(service, `/operator/v1/dead-letters/${verb}`, { body, schema: z.unknown() });
    } catch (error) {
      // What is done at the services before is done.
      if (done.length > 0) show();
      throw error;
    }
    done.push({ service, ids: own });
  }
  show();
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
