import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import type { LoadPlan, LoadResult } from "./protocol.ts";
import { runLoad } from "./run_load.ts";

/** Runs a load in time that only moves when everybody waits. */
async function played(plan: LoadPlan, runSaga: (clock: ManualClock) => Promise<void>) {
  const clock = new ManualClock(0);
  const said: string[] = [];
  let result: LoadResult | undefined;
  const running = runLoad(plan, {
    clock,
    runSaga: () => runSaga(clock),
    measuring: (what) => said.push(what),
  }).then((value) => {
    result = value;
  });
  for (let step = 0; result === undefined && step < 100_000; step += 1) {
    // Whatever the last move has woken gets its turn before time moves on.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    await clock.advance(1);
  }
  await running;
  return { result: result!, said };
}

const times = { warmUpMs: 100, measureMs: 1_000 };

Deno.test("a closed loop starts the next saga when one has ended", async () => {
  const { result, said } = await played({ ...times, inFlight: 2 }, (clock) => clock.delay(100));
  assertEquals(said, ["begin", "end"]);
  assertEquals([result.finished, result.latency, result.isBehind, result.faults], [
    20,
    { p50Ms: 100, p99Ms: 100, maxMs: 100 },
    false,
    [],
  ]);
});

Deno.test("an open loop counts the time that a saga waited for a stalled contender", async () => {
  // Nothing ends between 500 and 800 ms: whatever was to start then waits.
  const stalling = (clock: ManualClock) => {
    const nowMs = clock.monotonicMs();
    return clock.delay(nowMs >= 500 && nowMs < 800 ? 800 - nowMs : 1);
  };
  const { result } = await played({ ...times, ratePerSecond: 100 }, stalling);
  const { p50Ms, maxMs } = result.latency!;
  assertEquals([result.finished, p50Ms, maxMs, result.isBehind], [100, 1, 300, false]);
});

Deno.test("an open loop that a contender cannot keep up with ends early and says so", async () => {
  let free = Promise.resolve();
  const oneByOne = (clock: ManualClock) => free = free.then(() => clock.delay(100));
  const { result } = await played({ warmUpMs: 0, measureMs: 60_000, ratePerSecond: 50 }, oneByOne);
  assertEquals([result.isBehind, result.faults, result.started], [true, [], 250]);
});

Deno.test("a contender whose sagas fail is not asked without end", async () => {
  const { result } = await played({ ...times, ratePerSecond: 100 }, () => Promise.reject(new Error("no stock")));
  assertEquals(result.faults.filter((fault) => fault === "no stock").length, 10);
  assertEquals(result.isBehind, false);
});

Deno.test("a contender in which nothing ends any more is left alone", async () => {
  const { result } = await played({ ...times, inFlight: 3 }, () => new Promise(() => {}));
  assertEquals(result.faults, [
    "no saga has ended for 20000 ms, 3 are under way",
  ]);
});
