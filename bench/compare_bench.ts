/**
 * `deno task bench`: four-step sagas on the mesh, beside a ceiling written by hand and the mesh's peers.
 *
 * @module
 */
import { errorText, systemClock } from "@mesh/base";
import { machineText } from "@mesh/testing/machine";
import { type Comparison, comparisonReport } from "./compare/comparison_report.ts";
import { openArena } from "./compare/open_arena.ts";
import { type CompareOptions, helpText, readOptions } from "./compare/options.ts";
import { withComparison } from "./compare/page.ts";
import { type Outcome, runRounds } from "./compare/run_rounds.ts";
import { summarize } from "./compare/summary.ts";
import { readVersions } from "./compare/versions.ts";

const startedMs = systemClock.monotonicMs();
const log = (line: string) =>
  console.error(`${((systemClock.monotonicMs() - startedMs) / 1000).toFixed(0).padStart(5)} s ${line}`);

interface Result {
  readonly comparison: Comparison;
  readonly outcomes: readonly Outcome[];
}

async function compare(options: CompareOptions, signal: AbortSignal): Promise<Result> {
  await using opened = await openArena(options.contenders, { log, signal });
  const { contenders, loads, durations, runs } = options;
  const outcomes = await runRounds(opened.arena, { contenders, loads, durations, rounds: runs });
  const comparison = {
    contenders,
    loads: loads.map((load) => ({ load, summaries: summarize(outcomes, load, contenders) })),
    circumstances: await circumstancesOf(options, await readVersions(opened.arena)),
  };
  return { comparison, outcomes };
}

async function circumstancesOf(options: CompareOptions, versions: readonly string[]): Promise<readonly string[]> {
  const { runs, durations: { warmUpMs, measureMs, openMs } } = options;
  const day = new Date(systemClock.nowMs()).toISOString().slice(0, 10);
  return [
    `Machine: ${machineText()}; broker, database and all processes on it.`,
    `Versions: ${versions.join(", ")}.`,
    `Measured on ${day} at commit ${await readCommit()} with \`${["deno task bench", ...shownArgs()].join(" ")}\`: ` +
    `${runs} runs of each in alternation, ${measureMs / 1000} s after ${warmUpMs / 1000} s of warm-up at saturation, ` +
    `${openMs / 1000} s at each other load.`,
    "Figures are medians with the range of the runs. Ratios compare runs of the same round, then take the median.",
  ];
}

/** Where the tables are written to says nothing about them. */
function shownArgs(): readonly string[] {
  return Deno.args.filter((arg, at) => arg !== "--write" && Deno.args[at - 1] !== "--write");
}

/** Tables within a page, formatted as all pages are. */
async function writePage(path: string, text: string): Promise<void> {
  const page = await Deno.readTextFile(path).catch(() => "");
  await Deno.writeTextFile(path, withComparison(page, text));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] }).output();
}

async function readCommit(): Promise<string> {
  const root = new URL("..", import.meta.url).pathname;
  const { stdout } = await new Deno.Command("git", { args: ["describe", "--always", "--dirty"], cwd: root }).output();
  return new TextDecoder().decode(stdout).trim() || "unknown";
}

function abortedBySignals(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => {
      if (!stopping.signal.aborted) log(`${name}: ending everything`);
      stopping.abort();
    });
  }
  return stopping.signal;
}

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args);
    if (options === undefined) {
      console.log(helpText);
      Deno.exit(0);
    }
    const signal = abortedBySignals();
    const { comparison, outcomes } = await compare(options, signal);
    if (signal.aborted) Deno.exit(130);
    const text = comparisonReport(comparison);
    console.log(options.isJson ? JSON.stringify(outcomes, null, 2) : text);
    if (options.writePath !== undefined) await writePage(options.writePath, text);
    Deno.exit(outcomes.every(({ faults }) => faults.length === 0) ? 0 : 1);
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(1);
  }
}
