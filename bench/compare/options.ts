import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";
import { contenders, type ContenderSpec, findContender } from "./contender_list.ts";
import { type LoadDurations, type LoadName, loadNames } from "./load_plans.ts";

/** How a comparison is to run. */
export interface CompareOptions {
  readonly contenders: readonly ContenderSpec[];
  readonly loads: readonly LoadName[];
  /** Runs of each contender under each load. */
  readonly runs: number;
  readonly durations: LoadDurations;
  readonly isJson: boolean;
  /** File that gets the figures as Markdown. */
  readonly writePath: string | undefined;
}

/** Printed by `--help`. */
export const helpText = `Compares the mesh with a ceiling written by hand and with its peers: four-step sagas.

Usage: deno task bench [options]

Starts a RabbitMQ and a PostgreSQL of its own, then runs one contender after the other, round by round. Peers are
installed with npm at the first run. Progress goes to standard error, the tables to standard output. Ends with 1 if a
run does not count: sagas missing, sums that do not hold.

  --only <a,b>         ${contenders.map(({ name }) => name).join(", ")}
                       (default all)
  --loads <a,b>        ${loadNames.join(", ")} (default all); half needs saturation
                       and brings it along
  --runs <n>           runs of each contender (default 5)
  --seconds <n>        length of each measurement (default 8)
  --in-flight <n>      sagas at once at saturation, for all contenders (default: see the table)
  --quick              2 runs of 4 seconds: under 10 minutes in all
  --json               print JSON in place of tables
  --write <file>       write the tables into a Markdown file, too
  --help               show this text
`;

const flags = {
  only: { type: "string" },
  loads: { type: "string" },
  runs: { type: "string" },
  seconds: { type: "string" },
  "in-flight": { type: "string" },
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
 * const { contenders, loads, runs } = readOptions(["--only", "mesh,ceiling", "--loads", "20"])!;
 * assertEquals([contenders.map(({ name }) => name), loads, runs], [["mesh", "ceiling"], ["20"], 5]);
 * ```
 */
export function readOptions(args: readonly string[]): CompareOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const isQuick = given.quick === true;
  const faults: string[] = [];
  const whole = (name: "runs" | "seconds" | "in-flight", fallback: number, max: number): number => {
    const text = given[name];
    if (text === undefined) return fallback;
    if (/^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= max) return Number(text);
    faults.push(`--${name} is "${text}", which is no whole number from 1 to ${max}`);
    return fallback;
  };
  const seconds = whole("seconds", isQuick ? 4 : 8, 600);
  const inFlight = whole("in-flight", 0, 4_096);
  const chosen = chosenContenders(given.only, faults);
  const options: CompareOptions = {
    contenders: inFlight === 0 ? chosen : chosen.map((contender) => ({ ...contender, inFlight })),
    loads: chosenLoads(given.loads, faults),
    runs: whole("runs", isQuick ? 2 : 5, 100),
    durations: durationsOf(seconds),
    isJson: given.json === true,
    writePath: given.write,
  };
  if (faults.length > 0) throw new ConfigError(`Cannot run the comparison: ${faults.join("; ")}`);
  return options;
}

/** A runtime that has just started needs about as long until it runs what it has compiled. */
function durationsOf(seconds: number): LoadDurations {
  return { warmUpMs: Math.max(2_000, seconds * 500), measureMs: seconds * 1_000, openMs: seconds * 1_000 };
}

function chosenContenders(text: string | undefined, faults: string[]): readonly ContenderSpec[] {
  if (text === undefined) return contenders;
  const names = text.split(",");
  const unknown = names.filter((name) => findContender(name) === undefined);
  for (const name of unknown) faults.push(`--only names "${name}", which is no contender`);
  return contenders.filter(({ name }) => names.includes(name));
}

function chosenLoads(text: string | undefined, faults: string[]): readonly LoadName[] {
  if (text === undefined) return loadNames;
  const names = text.split(",");
  for (const name of names) {
    if (!loadNames.some((load) => load === name)) faults.push(`--loads names "${name}", which is no load`);
  }
  // Half of what is told by saturation.
  const isHalf = names.includes("half");
  return loadNames.filter((load) => names.includes(load) || (load === "saturation" && isHalf));
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    throw new ConfigError(`Cannot run the comparison: ${errorText(error)}`, { cause: error });
  }
}
