import { type Command, InvalidArgumentError, Option } from "commander";
import { readMoment, readShift } from "./options.ts";

/** Which dead letters a command is about. */
export interface LetterChoice {
  readonly class?: string;
  readonly type?: string;
  readonly letterReason?: string;
  readonly correlation?: string;
  /** Milliseconds since 1970, or, negative, back from now. */
  readonly since?: number;
  readonly until?: number;
}

const classes = ["untrusted", "contract", "defect", "exhausted", "broker"];

/** Adds the options that narrow a choice of dead letters. */
export function withLetterChoice(command: Command): Command {
  return command
    .addOption(new Option("--class <word>", "only those of this class").choices(classes))
    .option("--type <name>", "only messages of this type")
    .option("--letter-reason <word>", "only those that died for this reason (REASON in the list)")
    .option("--correlation <id>", "only those of one flow: an order id, as a rule")
    .option("--since <time>", "only those that died then or later: 2026-01-31T12:00:00Z, or 2h ago: 2h", readTime)
    .option("--until <time>", "only those that died before then", readTime);
}

/** Says whether anything narrows the choice. */
export function isNarrowed(choice: LetterChoice): boolean {
  return Object.keys(choiceFields(choice, 0)).length > 0;
}

/** @returns The choice as services take it. @param nowMs For times that are told back from now. */
export function choiceFields(
  { class: className, type, letterReason, correlation, since, until }: LetterChoice,
  nowMs: number,
): Readonly<Record<string, string | number>> {
  const moment = (ms: number | undefined) => ms === undefined ? undefined : ms <= 0 ? Math.floor(nowMs + ms) : ms;
  const fields = {
    class: className,
    type,
    letterReason,
    correlation,
    sinceMs: moment(since),
    untilMs: moment(until),
  };
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string | number] => field[1] !== undefined),
  );
}

function readTime(text: string): number {
  if (/^\d+(ms|s|m|h|d)$/.test(text)) return -readShift(text);
  try {
    return readMoment(text);
  } catch {
    throw new InvalidArgumentError("A time with its zone is needed, or a duration: 2026-01-31T12:00:00Z, 2h.");
  }
}
