import { errorText } from "@mesh/base";
import type { Ordeal } from "../chaos/ordeal.ts";
import type { TestShop } from "../e2e/harness/mod.ts";
import type { CrashOutcome, CrashRun } from "./crash_run.ts";
import { Errands } from "./errands.ts";
import { lanesOf, type MatrixRow } from "./matrix.ts";

/** What to play, and whom to tell. */
export interface RoundPlan {
  readonly matrix: readonly MatrixRow[];
  /** From 1. */
  readonly round: number;
  readonly laneCount: number;
  readonly log: (line: string) => void;
}

/** What a round came to. */
export interface RoundOutcome {
  readonly outcomes: readonly CrashOutcome[];
  /** Points that were not reached, orders that were missing, invariants that do not hold; empty when all is well. */
  readonly faults: readonly string[];
  /** What the orders came to, to be shown. */
  readonly tally: unknown;
}

/** Orders that must be in flight at every kill; the stream aims at five times as many. */
export const inFlightMin = 20;
/** Below this the process that is next runs in peace until there are enough again. */
const inFlightLow = 60;

/**
 * The door by which orders come in is ended by itself: while others are, it keeps them busy. Its deaths are not
 * counted: after two in a row a process takes up one by one what may have ended it, and this one hears everything.
 */
const isStorefront = ({ service }: MatrixRow) => service === "gateway";

/** Plays the matrix once, then lets everything come to rest and checks every invariant. */
export async function playRound(
  test: TestShop,
  { crashRun, ordeal }: { readonly crashRun: CrashRun; readonly ordeal: Ordeal },
  { matrix, round, laneCount, log }: RoundPlan,
): Promise<RoundOutcome> {
  const { stream } = ordeal;
  const outcomes: CrashOutcome[] = [];
  const faults: string[] = [];
  const playRow = async (row: MatrixRow) => {
    if (stream.inFlight.length < inFlightLow) {
      await crashRun.restore(test, row.service);
      await ordeal.untilFull(inFlightLow);
    }
    if (isStorefront(row)) await crashRun.forgive(test, row.service);
    const outcome = await crashRun.endure(test, { row, round, stream });
    const { service, point, inFlight, reachedAfterMs } = outcome;
    outcomes.push(outcome);
    if (inFlight < inFlightMin) faults.push(`${service}, ${point}: only ${inFlight} orders were in flight`);
    log(`${service}: ${point}, ${inFlight} orders in flight, reached after ${reachedAfterMs} ms`);
  };
  const playLane = async (rows: readonly MatrixRow[]) => {
    for (const [at, row] of rows.entries()) {
      await playRow(row).catch((error) => {
        faults.push(`${row.service}, ${row.point.name}: ${errorText(error)}`);
        log(faults.at(-1)!);
      });
      if (rows[at + 1]?.service !== row.service) await crashRun.restore(test, row.service);
    }
  };
  stream.start();
  await ordeal.untilFull(inFlightLow);
  {
    await using _errands = new Errands(test);
    await Promise.all(lanesOf(matrix.filter((row) => !isStorefront(row)), laneCount).map(playLane));
    await playLane(matrix.filter(isStorefront));
  }
  const { violations, tally } = await ordeal.conclude();
  faults.push(...violations.map(({ rule, what }) => `${rule}: ${what}`));
  return { outcomes, faults, tally };
}
