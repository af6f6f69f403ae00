import type { Clock } from "@mesh/base";
import { type Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { choiceFields, isNarrowed, type LetterChoice } from "./letter_options.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import type { Output } from "./program.ts";
import { assertWentWell, countsText, followRedrives, Redrive } from "./redrive_access.ts";
import { plain, table } from "./terminal.ts";
import { dateTime } from "./times.ts";

/** What `dlq redrive` was asked for. */
export interface RedriveChoice extends LetterChoice {
  readonly service?: string;
  readonly all?: true;
  readonly key?: string;
  readonly limit?: number;
  readonly dryRun?: true;
  readonly watch?: true;
  readonly reason?: string;
  readonly rate?: number;
  readonly batchMax?: number;
  readonly perFlow?: number;
  readonly stopAbove?: number;
  readonly sample?: number;
}

const Forecast = z.object({
  items: z.array(z.looseObject({
    letterId: z.string(),
    type: z.string(),
    class: z.string(),
    reason: z.string(),
    correlation: z.string(),
    key: z.string(),
    diedAtMs: z.number(),
    why: z.string(),
    detail: z.string(),
  })),
  hasMore: z.boolean(),
});
type Judged = z.output<typeof Forecast>["items"][number] & { readonly service: string };

/** Adds the options that say how a redrive of many goes. */
export function withRedriveLimits(command: Command): Command {
  return command
    .option("--rate <n>", "messages a second at most (10)", number(0.01, 1_000))
    .option(
      "--batch-max <n>",
      "the largest batch; the first is 1, each good one is followed by twice as many (64)",
      whole(256),
    )
    .option("--per-flow <n>", "messages of one flow (order) under way at once (1)", whole(100))
    .option("--stop-above <percent>", "stop when more than this share dies again (20)", number(0, 100))
    .option("--sample <n>", "outcomes that must be known before that (5)", whole(1_000));
}

function whole(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`A whole number from 1 to ${max} is needed.`);
  };
}

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`A number from ${min} to ${max} is needed.`);
  };
}

/** What ordering a redrive needs. */
export interface RedriveOrderOptions {
  readonly mesh: MeshAccess;
  readonly output: Output;
  readonly clock: Clock;
}

/** @throws {CliError} If nothing says which letters. */
export function assertChosen(ids: readonly string[], choice: RedriveChoice): void {
  const isChosen = choice.all === true || choice.key !== undefined || isNarrowed(choice);
  if (ids.length > 0 && isChosen) {
    throw new CliError(exitCodes.usage, "Cannot redrive: give either ids or what narrows a choice, not both");
  }
  const forJobs = [choice.watch, choice.limit, ...Object.values(limitsFrom(choice))].filter((one) => one !== undefined);
  if (ids.length > 0 && forJobs.length > 0) {
    throw new CliError(
      exitCodes.usage,
      "Cannot redrive: letters that are named by their ids go at once, without limits",
    );
  }
  if (ids.length > 0 || isChosen) return;
  throw new CliError(
    exitCodes.usage,
    "Cannot redrive: say which letters, by their ids, by --class, --type, --letter-reason, --correlation, --key, " +
      "--since or --until, or --all",
  );
}

/** Says of each letter whether it would be taken, and why not. */
export async function forecast(
  { mesh, output, clock }: RedriveOrderOptions,
  { ids, choice, command }: {
    readonly ids: readonly string[];
    readonly choice: RedriveChoice;
    readonly command: Command;
  },
): Promise<void> {
  const selection = selectionFrom(ids, choice, clock.nowMs());
  const gathered = await gather(
    selected(mesh, choice.service),
    (service) => mesh.post(service, "/operator/v1/redrives/forecast", { body: { selection }, schema: Forecast }),
  );
  const items = gathered.answers.flatMap(({ service, value }) => value.items.map((item) => ({ ...item, service })));
  const cut = gathered.answers.filter(({ value }) => value.hasMore).map(({ service }) => service);
  const summary = summaryOf(items);
  output.show(command, {
    json: { items, summary, hasMore: cut },
    text: () => forecastText(items, summary, cut),
  });
  assertAllAnswered(gathered);
  const missing = ids.filter((id) => !items.some(({ letterId }) => letterId === id));
  if (missing.length > 0) throw new CliError(exitCodes.notFound, `Cannot find dead letter ${missing.join(", ")}`);
}

/** Begins a redrive at every service that has such letters, and follows them if asked to. */
export async function order(
  { mesh, output, clock }: RedriveOrderOptions,
  { choice, reason, command }: { readonly choice: RedriveChoice; readonly reason: string; readonly command: Command },
): Promise<void> {
  const body = { selection: selectionFrom([], choice, clock.nowMs()), limits: limitsFrom(choice), reason };
  const schema = z.object({ redrive: Redrive.nullable() });
  const gathered = await gather(
    selected(mesh, choice.service),
    (service) => mesh.post(service, "/operator/v1/redrives", { body, schema }),
  );
  const begun = gathered.answers.flatMap(({ service, value: { redrive } }) =>
    redrive === null ? [] : [{ ...redrive, service }]
  );
  if (begun.length === 0) {
    assertAllAnswered(gathered);
    throw new CliError(exitCodes.notFound, "No dead letter is so");
  }
  const begin = ({ service, id, counts }: Redrive) => `redrive ${id} begins at ${service}: ${countsText(counts)}`;
  const tell = (line: string) => output.terminal.err(plain(line));
  if (choice.watch === true) begun.forEach((redrive) => tell(begin(redrive)));
  const redrives = choice.watch === true ? await followRedrives(mesh, begun, { clock, tell }) : begun;
  const ended = ({ service, id, status, counts }: Redrive) =>
    `redrive ${id} at ${service}: ${status}, ${countsText(counts)}`;
  output.show(command, {
    json: { redrives },
    text: () => redrives.map(choice.watch === true ? ended : begin).join("\n"),
  });
  assertAllAnswered(gathered);
  if (choice.watch === true) assertWentWell(redrives);
}

function selectionFrom(ids: readonly string[], choice: RedriveChoice, nowMs: number) {
  const { key, limit } = choice;
  return {
    ...choiceFields(choice, nowMs),
    ...(ids.length === 0 ? {} : { ids: [...new Set(ids)] }),
    ...(key === undefined ? {} : { key }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function limitsFrom({ rate, batchMax, perFlow, stopAbove, sample }: RedriveChoice) {
  return {
    ...(rate === undefined ? {} : { ratePerSecond: rate }),
    ...(batchMax === undefined ? {} : { batchMax }),
    ...(perFlow === undefined ? {} : { perCorrelationMax: perFlow }),
    ...(stopAbove === undefined ? {} : { failureShareMax: stopAbove / 100 }),
    ...(sample === undefined ? {} : { sampleMin: sample }),
  };
}

interface SummaryLine {
  readonly service: string;
  readonly type: string;
  readonly class: string;
  readonly reason: string;
  readonly wouldBeTaken: number;
  /** Numbers by refusal. */
  readonly refused: Readonly<Record<string, number>>;
}

function summaryOf(items: readonly Judged[]): readonly SummaryLine[] {
  const groups = Map.groupBy(items, (item) => [item.service, item.type, item.class, item.reason].join("\n"));
  return [...groups.values()].map((group) => {
    const { service, type, class: className, reason } = group[0]!;
    const refusals = Map.groupBy(group.filter(({ why }) => why !== ""), ({ why }) => why);
    const refused = Object.fromEntries([...refusals].map(([why, found]) => [why, found.length]));
    return {
      service,
      type,
      class: className,
      reason,
      wouldBeTaken: group.filter(({ why }) => why === "").length,
      refused,
    };
  });
}

function forecastText(items: readonly Judged[], summary: readonly SummaryLine[], cut: readonly string[]): string {
  if (items.length === 0) return "No dead letter is so";
  const taken = items.filter(({ why }) => why === "").length;
  return [
    table(
      ["SERVICE", "ID", "DIED", "TYPE", "KEY", "CORRELATION", "WOULD BE"],
      items.map((item) => [
        item.service,
        item.letterId,
        dateTime(item.diedAtMs),
        item.type,
        item.key,
        item.correlation,
        item.why === "" ? "taken" : `refused, ${item.why}: ${item.detail}`,
      ]),
    ),
    "",
    table(
      ["SERVICE", "TYPE", "CLASS", "REASON", "TAKEN", "REFUSED"],
      summary.map((line) => [
        line.service,
        line.type,
        line.class,
        line.reason,
        String(line.wouldBeTaken),
        Object.entries(line.refused).map(([why, count]) => `${count} ${why}`).join(", "),
      ]),
    ),
    "",
    `${taken} of ${items.length} would be taken; nothing was changed`,
    ...cut.map((service) => `${service} has more of them: raise --limit`),
  ].join("\n");
}
