import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import type { Consumer, Delivery } from "@mesh/broker";
import { noWrites } from "@mesh/store";
import { Lanes } from "./lanes.ts";
import { silentMeter } from "./meter.ts";
import { noneSettled } from "./outbox_publisher.ts";
import { TurnLoop, type TurnLoopOptions } from "./turn_loop.ts";
import { defaultSettings } from "./settings.ts";

/** A consumer after its `cancel`; it gives up on a caller that asks again and again, who would never let go. */
function endedConsumer(): Consumer {
  let count = 0;
  return {
    take: () => {
      if (++count > 100) throw new Error("Cannot take deliveries: asked 100 times after the end");
      return Promise.resolve([]);
    },
    ackThrough: () => {},
    reject: () => {},
    cancel: () => Promise.resolve(),
    subscribedQueues: [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("a loop whose consumer has ended goes on with local work, and ends when drained", async () => {
  const warnings: string[] = [];
  const note = (line: string) => warnings.push(line);
  const log = { debug: note, info: note, warn: note, error: note };
  // What else a turn needs is not touched by a loop that takes no message.
  const options = { consumer: endedConsumer(), clock: new ManualClock(), settings: defaultSettings, log };
  const loop = new TurnLoop(options as unknown as TurnLoopOptions);
  const running = loop.run();

  const answer = await loop.exclusively(() => Promise.resolve("done"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  loop.drain();
  await running;

  assertEquals([answer, warnings], ["done", []]);
});

/** A loop that finds nothing to do in what it takes, and tells how much it took when. */
function openTaking({ gatherMs = 0, tookMs = 0 }: { readonly gatherMs?: number; readonly tookMs?: number }) {
  const clock = new ManualClock();
  const waiting: Delivery[] = [];
  let arrived = () => {};
  const turns: (readonly [atMs: number, count: number])[] = [];
  const consumer: Consumer = {
    ...endedConsumer(),
    take: async (countMax, signal) => {
      while (waiting.length === 0 && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
          signal?.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      return waiting.splice(0, countMax);
    },
  };
  const nothing = { load: () => Promise.resolve(), forget: () => {}, committed: () => {} };
  const options = {
    consumer,
    clock,
    gatherMs,
    settings: { ...defaultSettings, batchMax: 4 },
    intake: {
      receive: (deliveries: readonly Delivery[]) => {
        turns.push([clock.monotonicMs(), deliveries.length]);
        return clock.delay(tookMs).then(() => ({ works: [], refusals: [] }));
      },
    },
    planner: { ...nothing, plan: () => ({ ...nothing, writes: noWrites, failures: new Map(), recorded: new Map() }) },
    aftermath: { ...nothing, of: () => ({ ...noWrites, ...nothing }) },
    lanes: new Lanes({
      store: { readLanes: () => Promise.resolve({ version: 0, lanes: [] }) },
      planner: { laneOf: () => undefined },
      settings: defaultSettings,
    }),
    publisher: { takeSettled: () => noneSettled, giveBack: () => {} },
    databaseClock: { nowMs: () => 0 },
    meter: silentMeter,
  };
  const loop = new TurnLoop(options as unknown as TurnLoopOptions);
  const running = loop.run();
  const beginMs = clock.monotonicMs();
  return {
    clock,
    loop,
    turns: () => turns.map(([atMs, count]) => [atMs - beginMs, count]),
    arrive: (count: number) => {
      waiting.push(...Array.from({ length: count }, () => ({}) as Delivery));
      arrived();
    },
    [Symbol.asyncDispose]: async () => {
      loop.drain();
      await running;
    },
  };
}

Deno.test("what comes within 20 ms of a turn of read models shares the next one; the first is not kept waiting", async () => {
  await using taking = openTaking({ gatherMs: 20 });
  for (const count of [1, 1, 2]) {
    taking.arrive(count);
    await taking.clock.advance(0);
    await taking.clock.advance(5);
  }
  await taking.clock.advance(100);
  taking.arrive(1);
  await taking.clock.advance(0);
  assertEquals(taking.turns(), [[0, 1], [20, 3], [115, 1]]);
});

Deno.test("a full turn is followed by the next at once", async () => {
  await using taking = openTaking({ gatherMs: 20 });
  taking.arrive(9);
  await taking.clock.advance(0);
  assertEquals(taking.turns(), [[0, 4], [0, 4], [0, 1]]);
});

Deno.test("other work does not wait for a turn that gathers", async () => {
  await using taking = openTaking({ gatherMs: 20 });
  taking.arrive(1);
  await taking.clock.advance(0);
  taking.arrive(1);
  assertEquals(await taking.loop.exclusively(() => Promise.resolve("done")), "done");
  assertEquals(taking.turns().length, 1);
  await taking.clock.advance(0);
  await taking.clock.advance(30);
  assertEquals(taking.turns(), [[0, 1], [20, 1]]);
});

Deno.test("after a turn that took 20 ms the loop rests for 10, and what comes meanwhile shares the next one", async () => {
  await using taking = openTaking({ tookMs: 20 });
  taking.arrive(1);
  await taking.clock.advance(0);
  await taking.clock.advance(29);
  taking.arrive(1);
  taking.arrive(1);
  await taking.clock.advance(0);
  assertEquals(taking.turns(), [[0, 1]]);
  await taking.clock.advance(1);
  assertEquals(taking.turns(), [[0, 1], [30, 2]]);
  await taking.clock.advance(1_000);
});

Deno.test("a rest takes 50 ms at most, and none follows a full turn", async () => {
  await using taking = openTaking({ tookMs: 1_000 });
  taking.arrive(5);
  await taking.clock.advance(0);
  await taking.clock.advance(2_049);
  taking.arrive(1);
  await taking.clock.advance(0);
  assertEquals(taking.turns(), [[0, 4], [1_000, 1]]);
  await taking.clock.advance(1);
  assertEquals(taking.turns(), [[0, 4], [1_000, 1], [2_050, 1]]);
  await taking.clock.advance(1_000);
});

Deno.test("other work does not wait for the end of a rest, and does not end it", async () => {
  await using taking = openTaking({ tookMs: 20 });
  taking.arrive(1);
  await taking.clock.advance(0);
  await taking.clock.advance(22);
  taking.arrive(1);
  assertEquals(await taking.loop.exclusively(() => Promise.resolve("done")), "done");
  await taking.clock.advance(0);
  assertEquals(taking.turns(), [[0, 1]]);
  await taking.clock.advance(8);
  assertEquals(taking.turns(), [[0, 1], [30, 1]]);
  await taking.clock.advance(1_000);
});
