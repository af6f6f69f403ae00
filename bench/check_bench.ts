/**
 * `deno task bench:check`: fails if the mesh has lost more than a fifth of its speed against what a machine can do.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { errorText, systemClock } from "@mesh/base";
import { machineText } from "@mesh/testing/machine";
import { findContender } from "./compare/contender_list.ts";
import { openArena } from "./compare/open_arena.ts";
import { runRounds } from "./compare/run_rounds.ts";
import { summarize, type Summary } from "./compare/summary.ts";
import { markdownTable } from "./figures/markdown_table.ts";
import { type Spread, spreadOf, spreadText } from "./figures/spread.ts";
import {
  baselineText,
  guardedRatios,
  lossesFrom,
  type RatioName,
  type Ratios,
  readBaseline,
} from "./guard/baseline.ts";
import { measureSigning } from "./guard/signing_ratios.ts";

const helpText = `Compares ratios of speed with those in bench/baseline.json; fails on a loss of more than 20 %.

Usage: deno task bench:check [options]

Runs the mesh and the ceiling written by hand in alternation, at saturation and at 20 sagas a second. Takes about 3
minutes. Times differ from machine to machine and are not compared; ratios of the same round are.

  --runs <n>   runs of each (default 3)
  --record     write the baseline in place of comparing with it
  --help       show this text
`;

const baselineUrl = new URL("./baseline.json", import.meta.url);
/** Short, because there are several rounds and both sides get the same. */
const durations = { warmUpMs: 3_000, measureMs: 5_000, openMs: 6_000 };

async function measureRatios(runs: number, signal: AbortSignal): Promise<Ratios> {
  const signing = Array.from({ length: 5 }, () => measureSigning(systemClock));
  const contenders = ["mesh", "ceiling"].map((name) => findContender(name)!);
  await using opened = await openArena(contenders, { log: (line) => console.error(line), signal });
  const outcomes = await runRounds(opened.arena, { contenders, loads: ["saturation", "20"], durations, rounds: runs });
  const wrong = outcomes.flatMap(({ contender, faults }) => faults.map((fault) => `${contender}: ${fault}`));
  for (const line of wrong) console.error(line);
  const mesh = (load: "saturation" | "20"): Summary | undefined =>
    summarize(outcomes, load, contenders).find(({ contender, verdict }) =>
      contender === "mesh" && verdict === "counts"
    );
  const ratios: Record<RatioName, Spread | undefined> = {
    saturation: mesh("saturation")?.toCeiling.perSecond,
    "latency-20": inverse(mesh("20")?.toCeiling.p50Ms),
    "cores-20": inverse(mesh("20")?.toCeiling.coresBusy),
    sign: spreadOf(signing.map(({ sign }) => sign)),
    verify: spreadOf(signing.map(({ verify }) => verify)),
  };
  return Object.fromEntries(Object.entries(ratios).filter(([, spread]) => spread !== undefined)) as Ratios;
}

function inverse(spread: Spread | undefined): Spread | undefined {
  return spread === undefined ? undefined : { median: 1 / spread.median, min: 1 / spread.max, max: 1 / spread.min };
}

function tableOf(found: Ratios, before: Readonly<Record<string, number>>): string {
  const rows = (Object.keys(guardedRatios) as RatioName[]).map((name) => [
    guardedRatios[name],
    spreadText(found[name], 3),
    before[name]?.toFixed(3) ?? "–",
  ]);
  return markdownTable(["ratio (higher is better)", "now", "baseline"], rows);
}

/** @returns The exit code. */
async function check(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { runs: { type: "string", default: "3" }, record: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    console.log(helpText);
    return 0;
  }
  if (!/^[1-9]\d?$/.test(values.runs)) throw new RangeError(`--runs is "${values.runs}", no whole number from 1 to 99`);
  const found = await measureRatios(Number(values.runs), signal);
  if (signal.aborted) return 130;
  if (values.record === true) {
    const day = new Date(systemClock.nowMs()).toISOString().slice(0, 10);
    await Deno.writeTextFile(baselineUrl, baselineText(`${day} on ${machineText()}, ${values.runs} runs`, found));
  }
  const baseline = readBaseline(await Deno.readTextFile(baselineUrl));
  console.log(tableOf(found, baseline.ratios));
  const losses = lossesFrom(baseline, found);
  for (const loss of losses) console.log(loss);
  return losses.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, () => stopping.abort());
  try {
    Deno.exit(await check(stopping.signal));
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(1);
  }
}
