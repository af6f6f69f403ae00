import { type Arena, type Measurement, openContender } from "../compare/measure_contender.ts";
import type { ContenderSpec } from "../compare/contender_list.ts";
import type { HistoryOptions } from "./options.ts";

/** One measurement of one mesh. */
export interface HistoryRun {
  /** Events that were in its books at the beginning of the bench. */
  readonly events: number;
  /** From 1. */
  readonly round: number;
  readonly measurement: Measurement;
}

/** Fewer than in the comparison with others: sagas at once end at once, and a whole wave more or less must not matter. */
const inFlight = 64;

/** 15 minutes: a history of millions of events is made before the mesh is ready. */
const readyLimitMs = 900_000;

/**
 * Measures two meshes in turn that differ in the length of their history alone. Both are there all the time, because a
 * history takes long to make; the one that is not measured idles.
 */
export async function compareHistories(
  arena: Arena,
  { events, keys, rounds, seconds }: Pick<HistoryOptions, "events" | "keys" | "rounds" | "seconds">,
): Promise<readonly HistoryRun[]> {
  await using opened = new AsyncDisposableStack();
  const meshes = [];
  for (const count of events) {
    const contender = opened.use(await openContender(arena, specOf(count, keys)));
    meshes.push({ events: count, contender });
    arena.log(`a mesh with ${count} events in its books is ready`);
  }
  const plan = { warmUpMs: seconds * 500, measureMs: seconds * 1_000, inFlight };
  const runs: HistoryRun[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    // Whoever is second finds the disk busy with what the first has left.
    for (const { events, contender } of round % 2 === 1 ? meshes : meshes.toReversed()) {
      if (arena.signal.aborted) return runs;
      const measurement = await contender.measure(plan);
      runs.push({ events, round, measurement });
      const { perSecond, cpuPerSagaMs: { database } } = measurement;
      arena.log(
        `round ${round}, ${events} events: ${perSecond.toFixed(1)}/s, database ${database.toFixed(2)} ms a saga`,
      );
    }
  }
  return runs;
}

function specOf(events: number, keys: HistoryOptions["keys"]): ContenderSpec {
  return {
    name: `mesh-${events}`,
    title: `${events} events`,
    command: ["contenders/mesh/main.ts", String(events), keys],
    runtime: "deno",
    inFlight,
    readyLimitMs,
  };
}
