/**
 * The matrix of crash points: every process of a shop under orders is ended with SIGKILL at every named point that it has,
 * and started again. In the end every order must have ended and every invariant must hold.
 *
 * @module
 */
import { errorText, systemClock } from "@mesh/base";
import { services } from "@jangteo/deploy/topology";
import { Ordeal } from "../chaos/ordeal.ts";
import { withShop } from "../e2e/harness/mod.ts";
import { withSection } from "../docs/markdown.ts";
import { closingLine } from "../gate/test_counts.ts";
import { crashTable } from "./crash_report.ts";
import { type CrashOutcome, CrashRun } from "./crash_run.ts";
import { crashShop, inFlightTarget, orderIn } from "./crash_shop.ts";
import { matrixOf, type MatrixRow } from "./matrix.ts";
import { crashHelp, type CrashOptions, readCrashOptions } from "./options.ts";
import { playRound } from "./play_round.ts";

const options = readOptions();
if (options === undefined) {
  console.log(crashHelp);
  Deno.exit(0);
}
const matrix = matrixOf(services, options);
if (matrix.length === 0) {
  console.error("Cannot run: no process has such a point; --list shows the matrix");
  Deno.exit(2);
}
if (options.isList) {
  for (const { service, point } of matrix) console.log(`${service}: ${point.name} (${point.what})`);
  console.log(summary(matrix));
  Deno.exit(0);
}
Deno.exit(await run(options) ? 0 : 1);

function readOptions(): CrashOptions | undefined {
  try {
    return readCrashOptions(Deno.args);
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(2);
  }
}

function summary(rows: readonly MatrixRow[]): string {
  const points = new Set(rows.map(({ point }) => point.name));
  const processes = new Set(rows.map(({ service }) => service));
  return `${rows.length} entries: ${points.size} points, ${processes.size} processes`;
}

async function run({ rounds, lanes, write }: CrashOptions): Promise<boolean> {
  const startedMs = systemClock.monotonicMs();
  const log = (line: string) => console.log(`${((systemClock.monotonicMs() - startedMs) / 1000).toFixed(0)} s ${line}`);
  console.log(summary(matrix));
  const crashRun = new CrashRun();
  const outcomes: CrashOutcome[] = [];
  let failed = 0;
  const isWell = await withShop({ ...crashShop, ...crashRun.options }, async (test) => {
    await using ordeal = await Ordeal.begin(test, { target: inFlightTarget, wantedAt: orderIn });
    for (let round = 1; round <= rounds; round += 1) {
      const plan = { matrix, round, laneCount: lanes, log };
      const { faults, tally, ...played } = await playRound(test, { crashRun, ordeal }, plan);
      outcomes.push(...played.outcomes);
      failed += faults.length;
      for (const fault of faults) console.error(fault);
      log(`round ${round}: ${played.outcomes.length} kills, ${faults.length} faults, ${JSON.stringify(tally)}`);
      if (faults.length > 0) return false;
    }
    return true;
  });
  const table = crashTable(outcomes);
  console.log(`\n${table}\n`);
  log(`${outcomes.length} kills`);
  if (write !== undefined && isWell) {
    await Deno.writeTextFile(write, withSection(await Deno.readTextFile(write), "crash-points", table));
  }
  console.log(closingLine({ passed: outcomes.length, failed }));
  return isWell;
}
