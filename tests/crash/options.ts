import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";
import type { MatrixFilter } from "./matrix.ts";

/** What a run of the matrix may be told. */
export interface CrashOptions extends MatrixFilter {
  readonly rounds: number;
  /** Processes that may be down at the same time. */
  readonly lanes: number;
  /** Page whose table is written anew. */
  readonly write?: string;
  /** Whether the matrix is only shown. */
  readonly isList: boolean;
}

/** What `--help` prints. */
export const crashHelp = `Ends every process of the shop with SIGKILL at every named point that it has, under orders.

Usage: deno task test:crash [options]

  --rounds <n>         how often each point is reached (default 1)
  --only <services>    only these processes, parted by commas
  --points <names>     only these points, parted by commas
  --lanes <n>          processes that are ended side by side (default 3)
  --write <page>       writes the table of results into this page
  --list               shows the matrix and runs nothing
  --help               show this text

Fails if a point is not reached, if fewer than 20 orders are in flight at a kill, or if an invariant does not hold at the
end of a round.
`;

/**
 * Reads the command line.
 *
 * @returns The options, or `undefined` if help is asked for.
 * @throws {ConfigError} If it is wrong.
 */
export function readCrashOptions(args: readonly string[]): CrashOptions | undefined {
  const { help, rounds = "1", lanes = "3", only, points, write, list = false } = readFlags(args);
  if (help === true) return undefined;
  return {
    rounds: countOf("--rounds", rounds, 100),
    lanes: countOf("--lanes", lanes, 10),
    isList: list,
    ...(only === undefined ? {} : { services: only.split(",") }),
    ...(points === undefined ? {} : { points: points.split(",") }),
    ...(write === undefined ? {} : { write }),
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean" },
        rounds: { type: "string" },
        lanes: { type: "string" },
        only: { type: "string" },
        points: { type: "string" },
        write: { type: "string" },
        list: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(`Cannot run: ${errorText(error)}; --help lists the options`, { cause: error });
  }
}

function countOf(name: string, text: string, max: number): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= max) return count;
  throw new ConfigError(`Cannot run: ${name} is "${text}", not a whole number from 1 to ${max}`);
}
