import { deepStrictEqual as assertEquals, notStrictEqual, strictEqual } from "node:assert/strict";
import { setTimeout } from "node:timers";
import { type Owner, Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded_random.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Runs synchronous code where microtasks may be run at once: from a timer. */
function fromTimer<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    }, 0);
  });
}

function runAll(scheduler: Scheduler): void {
  while (scheduler.step());
}

Deno.test("things happen in the order of their time, then of their planning, whatever was planned first", async () => {
  const happened = await fromTimer(() => {
    const scheduler = new Scheduler();
    const names: string[] = [];
    const random = new SeededRandom(1);
    const delays = Array.from({ length: 200 }, () => random.below(50));
    for (const [at, delayMs] of delays.entries()) {
      scheduler.after(delayMs, undefined, () => names.push(`${String(delayMs).padStart(2, "0")} ${at + 1000}`));
    }
    runAll(scheduler);
    return names;
  });

  assertEquals(happened, happened.toSorted());
  strictEqual(happened.length, 200);
});

Deno.test("every promise that is ready runs before the next thing happens", async () => {
  const order = await fromTimer(() => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    scheduler.after(1, undefined, async () => {
      for (let turn = 0; turn < 5; turn += 1) await null;
      seen.push("promises");
    });
    scheduler.after(1, undefined, () => seen.push("next"));
    runAll(scheduler);
    return seen;
  });

  assertEquals(order, ["promises", "next"]);
});

Deno.test("nothing happens for the dead, and for the suspended only once they go on", async () => {
  const seen = await fromTimer(() => {
    const scheduler = new Scheduler();
    const dead: Owner = { isDead: true, frozenUntilMs: 0 };
    const frozen: Owner = { isDead: false, frozenUntilMs: 70 };
    const times: [string, number][] = [];
    scheduler.after(1, dead, () => times.push(["dead", scheduler.nowMs]));
    scheduler.after(2, frozen, () => times.push(["frozen", scheduler.nowMs]));
    scheduler.after(3, undefined, () => times.push(["world", scheduler.nowMs]));
    runAll(scheduler);
    return times;
  });

  assertEquals(seen, [["world", 3], ["frozen", 70]]);
});

Deno.test("the same events have the same trace, and others another", async () => {
  const trace = (delayMs: number) =>
    fromTimer(() => {
      const scheduler = new Scheduler();
      scheduler.after(delayMs, undefined, () => scheduler.noteText("once"));
      scheduler.after(5, undefined, () => {});
      runAll(scheduler);
      return scheduler.traceHash;
    });

  strictEqual(await trace(3), await trace(3));
  notStrictEqual(await trace(3), await trace(7));
});

Deno.test("a delay ends with its time or its signal, on virtual time and never on the wall clock that jumps", async () => {
  const ends = await fromTimer(() => {
    const scheduler = new Scheduler();
    const clock = new VirtualClock(scheduler);
    const seen: [string, number, number][] = [];
    const stop = new AbortController();
    const note = (name: string) => seen.push([name, scheduler.nowMs, clock.monotonicMs()]);
    clock.delay(100).then(() => note("time"));
    clock.delay(1_000, stop.signal).then(() => note("signal"));
    clock.delay(0).then(() => note("at once"));
    scheduler.after(50, undefined, () => {
      clock.skewMs = -7_200_000;
      stop.abort();
    });
    scheduler.settle();
    runAll(scheduler);
    return seen;
  });

  assertEquals(ends, [["at once", 0, 0], ["signal", 50, 50], ["time", 100, 100]]);
});

Deno.test("chance repeats with its seed and spreads evenly", () => {
  const draw = (seed: number) => {
    const random = new SeededRandom(seed, 3);
    return Array.from({ length: 1_000 }, () => random.below(10));
  };
  assertEquals(draw(42), draw(42));
  notStrictEqual(draw(42).join(""), draw(43).join(""));
  const counts = Object.values(Object.groupBy(draw(42), String)).map((list) => list!.length);
  strictEqual(counts.length, 10);
  strictEqual(counts.every((count) => count > 60 && count < 140), true);
});
