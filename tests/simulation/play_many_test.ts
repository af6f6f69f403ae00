import { deepStrictEqual as assertEquals, strictEqual } from "node:assert/strict";
import { noFaults } from "@mesh/testing/simulation";
import { playMany } from "./play_many.ts";
import type { ScheduleResult } from "./shop_schedule.ts";
import type { WorkerPool } from "./worker_pool.ts";

function resultOf(seed: number, isBroken: boolean): ScheduleResult {
  return {
    seed,
    violations: isBroken ? [{ rule: "I4", what: "an order" }] : [],
    outcomes: { confirmed: 0, rejected: {}, refused: 0 },
    faults: noFaults(),
    traceHash: "",
    eventCount: 0,
    virtualMs: 0,
  };
}

/** Workers of whom the last that was asked is the first to answer. */
function hastyPool(places: number, brokenSeeds: readonly number[]): Pick<WorkerPool, "run" | "places"> {
  const waiting: (() => void)[] = [];
  const run = (task: { readonly fromSeed: number; readonly count: number }) => {
    const results: ScheduleResult[] = [];
    for (let seed = task.fromSeed; seed < task.fromSeed + task.count; seed += 1) {
      results.push(resultOf(seed, brokenSeeds.includes(seed)));
      if (brokenSeeds.includes(seed)) break;
    }
    const answer = Promise.withResolvers<unknown>();
    waiting.push(() => answer.resolve({ kind: "play", results }));
    queueMicrotask(() => waiting.pop()?.());
    return answer.promise;
  };
  return { places, run: run as unknown as WorkerPool["run"] };
}

async function played(places: number, brokenSeeds: readonly number[]) {
  const seeds: number[] = [];
  const failed = await playMany({
    pool: hastyPool(places, brokenSeeds),
    fromSeed: 5,
    count: 67,
    orders: 1,
    onResult: ({ seed }) => seeds.push(seed),
  });
  return { seeds, failed: failed?.seed };
}

Deno.test("every seed is played once and told in its order, whoever is first", async () => {
  const { seeds, failed } = await played(3, []);

  assertEquals(seeds, Array.from({ length: 67 }, (_, at) => 5 + at));
  strictEqual(failed, undefined);
});

Deno.test("the lowest seed that breaks a rule is the one that is told, with any number of workers", async () => {
  const alone = await played(1, [33, 61]);

  strictEqual(alone.failed, 33);
  assertEquals(await played(4, [33, 61]), alone);
});

Deno.test("nothing is begun once the time is over, and what is under way is counted", async () => {
  let asked = 0;
  const seeds: number[] = [];
  await playMany({
    pool: hastyPool(1, []),
    fromSeed: 1,
    count: 1_000,
    orders: 1,
    isOver: () => ++asked > 3,
    onResult: ({ seed }) => seeds.push(seed),
  });

  strictEqual(seeds.length, 12);
});
