import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** What somebody may choose. */
export interface ProxyRunOptions {
  readonly orders: number;
  readonly seed: number;
  /** Orders in flight. */
  readonly inFlight: number;
  /** Longest time in which orders are placed, in minutes. */
  readonly minutes: number;
  /** Whether a fault that struck too rarely is no failure. */
  readonly hasNoFloors: boolean;
}

/** What `--help` prints. */
export const helpText = `Orders while everything goes wrong between the services and RabbitMQ.

Usage: deno task test:proxy [options]

  --orders <n>      orders at least (default 5000); up to twice as many while faults that were too rare are told to strike
  --in-flight <n>   orders in flight (default 64)
  --minutes <n>     place no more orders after so long (default 60)
  --seed <n>        of the faults (default 1): the same draws, not the same run
  --no-floors       say which faults were too rare, but do not fail for it; for short runs
  --help            show this text

Starts a shop with servers of its own, its services behind a proxy that cuts, stalls, doubles, reorders, drops, nacks,
returns, closes, cancels and blocks (docs/reliability.md). Ends with a table of the faults.
Exit code: 0 if every invariant held and every fault struck at least 200 times (stalls 10 times), else 1; 2 for options
that cannot be read.
`;

/**
 * Reads the command line.
 *
 * @returns The options, or `undefined` if help is asked for.
 * @throws {ConfigError} If it is wrong.
 */
export function readProxyRunOptions(args: readonly string[]): ProxyRunOptions | undefined {
  const { help, "no-floors": hasNoFloors = false, ...rest } = readFlags(args);
  if (help === true) return undefined;
  return {
    orders: wholeFrom("orders", rest.orders ?? "5000", [1, 1_000_000]),
    seed: wholeFrom("seed", rest.seed ?? "1", [0, 0xffff_ffff]),
    inFlight: wholeFrom("in-flight", rest["in-flight"] ?? "64", [1, 1_000]),
    minutes: wholeFrom("minutes", rest.minutes ?? "60", [1, 1_440]),
    hasNoFloors,
  };
}

function readFlags(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { orders: text, seed: text, "in-flight": text, minutes: text, "no-floors": flag, help: flag };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new ConfigError(`Cannot run: ${errorText(error)}`);
  }
}

function wholeFrom(name: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ConfigError(`Cannot run: --${name} is "${text}", not a whole number from ${min} to ${max}`);
}
