import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** How the saga bench is to run. */
export interface BenchOptions {
  /** Orders per load, beside those that warm up. */
  readonly orders: number;
  /** Orders under way at once; one measurement each, one after the other. */
  readonly inFlight: readonly number[];
  /** Orders before the first measurement, which count for nothing but the check. */
  readonly warmUp: number;
  readonly customers: number;
  /** Products that orders are spread over. */
  readonly skus: number;
  readonly isJson: boolean;
  /** File that gets the figures as Markdown. */
  readonly writePath: string | undefined;
}

/** Printed by `--help`. */
export const helpText = `Measures whole orders: placed at the gateway over HTTP, until they are confirmed.

Usage: deno task bench:saga [options]

Starts a RabbitMQ, a PostgreSQL, the simulators and every service of its own in a temporary folder, each with its
defaults but for rate limits and the log, and removes them afterwards. Ends with 1 if a single order, unit of stock or
capture is not as it must be: a fast wrong run is no result.

  --orders <n>         orders per measurement (default 2000)
  --in-flight <n,n>    orders under way at once, one measurement each (default 64,256)
  --warm-up <n>        orders before the first measurement (default 300)
  --customers <n>      who place them (default 8)
  --skus <n>           products that they are spread over (default 12)
  --quick              200 orders at 32, 32 to warm up: a smoke test
  --json               print JSON in place of a table
  --write <file>       write the figures into a Markdown file, too
  --help               show this text
`;

const flags = {
  orders: { type: "string" },
  "in-flight": { type: "string" },
  "warm-up": { type: "string" },
  customers: { type: "string" },
  skus: { type: "string" },
  quick: { type: "boolean" },
  json: { type: "boolean" },
  write: { type: "string" },
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
 * assertEquals(readOptions(["--in-flight", "1,64"])?.inFlight, [1, 64]);
 * ```
 */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const preset = given.quick === true
    ? { orders: 200, inFlight: [32], warmUp: 32 }
    : { orders: 2_000, inFlight: [64, 256], warmUp: 300 };
  const faults: string[] = [];
  const whole = (name: string, text: string | undefined, fallback: number, min: number, max: number): number => {
    if (text === undefined) return fallback;
    if (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    faults.push(`--${name} is "${text}", which is no whole number from ${min} to ${max}`);
    return fallback;
  };
  const levels = given["in-flight"]?.split(",").map((text) => whole("in-flight", text, 1, 1, 4_096));
  const options: BenchOptions = {
    orders: whole("orders", given.orders, preset.orders, 1, 1_000_000),
    inFlight: levels ?? preset.inFlight,
    warmUp: whole("warm-up", given["warm-up"], preset.warmUp, 0, 100_000),
    customers: whole("customers", given.customers, 8, 1, 64),
    skus: whole("skus", given.skus, 12, 1, 80),
    isJson: given.json === true,
    writePath: given.write,
  };
  if (faults.length > 0) throw new ConfigError(`Cannot run the bench: ${faults.join("; ")}`);
  return options;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    throw new ConfigError(`Cannot run the bench: ${errorText(error)}`, { cause: error });
  }
}
