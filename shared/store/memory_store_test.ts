import { deepStrictEqual as assertEquals, rejects as assertRejects, throws as assertThrows } from "node:assert/strict";
import { ManualClock, sequentialIds } from "@mesh/base";
import { handled, makeEvent, writing } from "./conformance/subject.ts";
import { MemoryDatabase } from "./memory/memory_database.ts";
import { MemoryStore } from "./memory/memory_store.ts";
import { storeCases } from "./store_conformance.ts";

for (const { name, run } of storeCases) {
  Deno.test(`memory store ${name}`, async () => {
    const clock = new ManualClock();
    const database = new MemoryDatabase();
    await run({
      store: new MemoryStore({ clock, database }),
      openReplica: () => new MemoryStore({ clock, database }),
      advance: (durationMs) => clock.advance(durationMs),
      ids: sequentialIds(),
    });
  });
}

const stream = "inventory/TEA-0001";

function makeTurn() {
  const ids = sequentialIds();
  const events = [makeEvent(ids, { stream, version: 1 }, { data: { lines: [{ units: 1 }] } })];
  return writing({ inbox: [handled(ids.next())], expected: [{ stream, version: 0 }], events });
}

Deno.test("memory store fails as often as told, before or after the effect", async () => {
  const store = new MemoryStore({ clock: new ManualClock() });
  const turn = makeTurn();
  store.failNext(2, { operation: "commit" });
  store.failNext(1, { operation: "commit", when: "after" });
  for (let count = 0; count < 3; count += 1) {
    assertEquals((await store.loadStreams([stream], "1"))[0]?.version, 0);
    await assertRejects(store.commit(turn), { code: "dependency.unavailable", dependency: "postgres" });
  }
  assertEquals((await store.commit(turn)).outcome, "conflict");
});

Deno.test("memory store delays the next call on the clock", async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  store.delayNext(100);
  const committing = store.commit(makeTurn());
  await clock.advance(99);
  assertEquals((await store.loadStreams([stream], "1"))[0]?.version, 0);
  await clock.advance(1);
  assertEquals((await committing).outcome, "committed");
});

Deno.test("memory store of a dead process changes nothing any more, another finds what was committed", async () => {
  const clock = new ManualClock();
  const database = new MemoryDatabase();
  const store = new MemoryStore({ clock, database });
  await store.commit(makeTurn());
  const dying = store.saveFeedCursor("orders", "1.1.1.1");
  await store[Symbol.asyncDispose]();
  await assertRejects(dying, { code: "dependency.unavailable" });
  const restarted = new MemoryStore({ clock, database });
  assertEquals((await restarted.loadStreams([stream], "1"))[0]?.version, 1);
  assertEquals(await restarted.loadFeedCursor("orders"), "");
});

Deno.test("memory database goes back to a backup, and refuses cursors from the time that is gone", async () => {
  const clock = new ManualClock();
  const database = new MemoryDatabase();
  const store = new MemoryStore({ clock, database });
  const backup = database.snapshot();
  await store.commit(makeTurn());
  const { next } = await store.readFeed({ after: "", limit: 1 });
  database.restore(backup);
  assertEquals((await store.loadStreams([stream], "1"))[0]?.version, 0);
  await assertRejects(store.readFeed({ after: next, limit: 1 }), { reason: "cursor-epoch" });
  await store.commit(makeTurn());
  assertEquals((await store.readFeed({ after: "", limit: 9 })).items.length, 1);
});

Deno.test("memory store shares nothing with its callers that could be changed", async () => {
  const store = new MemoryStore({ clock: new ManualClock() });
  const units = { units: 1 };
  const events = [makeEvent(sequentialIds(), { stream, version: 1 }, { data: { lines: [units] } })];
  await store.commit(writing({ expected: [{ stream, version: 0 }], events }));
  units.units = 2;
  const [state] = await store.loadStreams([stream], "1");
  const data = state?.events[0]?.data as unknown as { lines: { units: number }[] };
  assertEquals(data, { lines: [{ units: 1 }] });
  assertThrows(() => data.lines[0]!.units = 3, TypeError);
});
