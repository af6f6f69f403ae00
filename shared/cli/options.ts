import { InvalidArgumentError, Option } from "commander";

/** @throws {InvalidArgumentError} If it is shorter or longer than services take it. */
export function readReason(text: string): string {
  if (text.trim().length >= 3 && text.length <= 500) return text;
  throw new InvalidArgumentError("3 to 500 characters are needed.");
}

/** How many items a list shows at most. */
export function limitOption(): Option {
  return new Option("--limit <n>", "at most so many per service").default(200).argParser((text) => {
    const limit = Number(text);
    if (Number.isInteger(limit) && limit >= 1 && limit <= 10_000) return limit;
    throw new InvalidArgumentError("A whole number from 1 to 10000 is needed.");
  });
}
