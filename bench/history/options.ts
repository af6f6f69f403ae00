import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** How the bench of long histories is to run. */
export interface HistoryOptions {
  readonly parts: readonly HistoryPart[];
  /** Events in the books of the two meshes, the shorter history first. */
  readonly events: readonly [number, number];
  /** Order ids: drawn from the time, as the shop's are, or random. */
  readonly keys: "time" | "random";
  /** Orders that the old SKU has seen. */
  readonly orders: number;
  readonly rounds: number;
  /** Length of each measurement, in seconds. */
  readonly seconds: number;
}

/** What is measured. */
export type HistoryPart = "mesh" | "sku";

/** Printed by `--help`. */
export const helpText =
  `Measures what the past costs: a mesh with a long history beside one with a short one, an old SKU beside a new one.

Usage: deno task bench:history [options]

Starts servers of its own and removes them. Both sides stand side by side and are measured in turn, so that what else the
machine does meets both; ratios are of one round. Ends with 1 if a run does not count.

  --only <mesh|sku>        one part alone
  --events <short,long>    events in the books before (default 100000,1000000)
  --keys <time|random>     order ids as the shop draws them, or without any order (default time)
  --orders <n>             orders of the old SKU (default 100000)
  --rounds <n>             measurements of each side (default 5)
  --seconds <n>            length of each (default 6)
  --help                   show this text
`;

const flags = {
  only: { type: "string", default: "mesh,sku" },
  events: { type: "string", default: "100000,1000000" },
  keys: { type: "string", default: "time" },
  orders: { type: "string", default: "100000" },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "6" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * Reads the command line.
 *
 * @returns The options, or `undefined` if help is asked for.
 * @throws {ConfigError} That lists every fault at once.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { readOptions } from "./options.ts";
 *
 * assertEquals(readOptions(["--only", "mesh", "--events", "1000,2000"])?.events, [1_000, 2_000]);
 * ```
 */
export function readOptions(args: readonly string[]): HistoryOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const faults: string[] = [];
  const whole = (name: string, text: string, max: number): number => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= max) return Number(text);
    faults.push(`--${name} is "${text}", which is no whole number from 1 to ${max}`);
    return 1;
  };
  const parts = given.only.split(",");
  for (const part of parts) {
    if (part !== "mesh" && part !== "sku") faults.push(`--only names "${part}", which is neither mesh nor sku`);
  }
  const [short = 1, long = 1, ...more] = given.events.split(",").map((text) => whole("events", text, 10_000_000));
  if (more.length > 0 || long <= short) faults.push(`--events is "${given.events}", not a short and a longer history`);
  if (given.keys !== "time" && given.keys !== "random") faults.push(`--keys is "${given.keys}", not time or random`);
  const options: HistoryOptions = {
    parts: parts as HistoryPart[],
    events: [short, long],
    keys: given.keys === "random" ? "random" : "time",
    orders: whole("orders", given.orders, 10_000_000),
    rounds: whole("rounds", given.rounds, 100),
    seconds: whole("seconds", given.seconds, 600),
  };
  if (faults.length > 0) throw new ConfigError(`Cannot measure histories: ${faults.join("; ")}`);
  return options;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    throw new ConfigError(`Cannot measure histories: ${errorText(error)}`, { cause: error });
  }
}
