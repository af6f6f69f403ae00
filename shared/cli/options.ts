import { InvalidArgumentError, Option } from "commander";

/** @throws {InvalidArgumentError} If it is shorter or longer than services take it. */
export function readReason(text: string): string {
  if (text.trim().length >= 3 && text.length <= 500) return text;
  throw new InvalidArgumentError("3 to 500 characters are needed.");
}

/** How many items a list shows at most. */
export function limitOption(): Option {
  return new Option("--limit <n>", "at most so many per service").default(200).argParser(readCount);
}

/** @throws {InvalidArgumentError} If it is no whole number from 1 to 10,000. */
export function readCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw new InvalidArgumentError("A whole number from 1 to 10000 is needed.");
}

/** The act's own id, for asking again after an answer that was lost. */
export function idOption(): Option {
  return new Option("--id <uuid>", "of the act; asked for again under the same id it is done once").argParser(
    (text) => {
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
      throw new InvalidArgumentError("A UUID is needed.");
    },
  );
}

/** @returns Milliseconds; negative for a shift back. @throws {InvalidArgumentError} If it is no duration but 0. */
export function readShift(text: string): number {
  const [, sign, count, unit] = /^([+-]?)(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(count) * (unitsMs[unit ?? ""] ?? NaN) * (sign === "-" ? -1 : 1);
  if (Number.isInteger(ms) && ms !== 0 && Math.abs(ms) <= 30 * 86_400_000) return ms;
  throw new InvalidArgumentError("A duration up to 30d is needed: 90s, 10m, -2h, 1d.");
}

/** @returns Milliseconds, more than 0. @throws {InvalidArgumentError} If it is no duration. */
export function readDuration(text: string): number {
  const ms = /^\d/.test(text) ? readShift(text) : NaN;
  if (ms > 0) return ms;
  throw new InvalidArgumentError("A duration up to 30d is needed: 90s, 10m, 2h, 1d.");
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @returns Milliseconds since 1970. @throws {InvalidArgumentError} If it is no time with a zone. */
export function readMoment(text: string): number {
  const ms = /(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError("A time with its zone is needed: 2026-01-31T12:00:00Z.");
}

/** @throws {InvalidArgumentError} If it is no JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError("JSON is needed.");
  }
}

/** @throws {InvalidArgumentError} If it is no whole number from 0. */
export function readLine(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A whole number from 0 is needed.");
}
