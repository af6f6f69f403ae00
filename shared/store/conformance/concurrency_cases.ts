import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import type { CommitResult, FeedCursor, Store } from "../store.ts";
import { handled, makeEvent, makeRow, publishing, type StoreCase, type StoreSubject, writing } from "./subject.ts";

/** What holds when several processes work on one database. */
export const concurrencyCases: readonly StoreCase[] = [
  {
    name: "lets one of two simultaneous turns on a stream win, also where the other appends nothing",
    run: async ({ store, openReplica, ids }) => {
      const stream = "inventory/TEA-0001";
      const replica = openReplica();
      for (let version = 0; version < 20; version += 1) {
        const append = (events = [makeEvent(ids, { stream, version: version + 1 })]) =>
          writing({ inbox: [handled(ids.next())], expected: [{ stream, version }], events });
        const results = await Promise.all([
          store.commit(append()),
          replica.commit(append()),
          replica.commit(append([])),
        ]);
        const wins = results.slice(0, 2).filter(({ outcome }) => outcome === "committed");
        assertEquals([wins.length, (await store.loadStreams([stream], "1"))[0]?.version], [1, version + 1]);
      }
    },
  },
  {
    name: "lets a message be handled once when replicas get it at the same time",
    run: async ({ store, openReplica, ids }) => {
      const replica = openReplica();
      for (let round = 0; round < 20; round += 1) {
        const inbox = [handled(ids.next())];
        const results = await Promise.all([store, replica, store].map((one) => one.commit(writing({ inbox }))));
        const losers = results.filter(({ outcome }) => outcome === "conflict");
        const duplicates = [{ messageId: inbox[0]!.messageId, consumer: "inventory", isSameDigest: true }];
        assertEquals(losers, [1, 2].map(() => ({ outcome: "conflict", duplicates, stale: [] })));
      }
    },
  },
  {
    name: "lets one of two simultaneous writers of a row win, new or old",
    run: async ({ store, openReplica }) => {
      const replica = openReplica();
      for (let revision = 0; revision < 20; revision += 1) {
        const rows = [makeRow("a", { revision })];
        const results = await Promise.all([store.commit(writing({ rows })), replica.commit(writing({ rows }))]);
        const losers = results.filter(({ outcome }) => outcome === "conflict");
        assertEquals(losers, [{ outcome: "conflict", duplicates: [], stale: ["orders:a"] }]);
      }
    },
  },
  {
    name: "wakes listeners in other processes with the commit that says so, and with no other",
    run: async ({ store, openReplica, ids }) => {
      const heard: string[] = [];
      const heardTwice = Promise.withResolvers<void>();
      const replica = openReplica();
      await using _listening = await replica.listen("orders", (payload) => {
        heard.push(payload);
        if (heard.length === 2) heardTwice.resolve();
      });
      const inbox = [handled(ids.next())];
      await store.commit(writing({ inbox: [handled(ids.next())] }));
      await store.commit(writing({ inbox: [handled(ids.next())], notify: "elsewhere" }));
      await store.commit(writing({ inbox, notify: "orders" }));
      await heardTwice.promise;
      assertEquals((await store.commit(writing({ inbox, notify: "orders" }))).outcome, "conflict");
      assertEquals(heard, ["", ""]);
    },
  },
  {
    name: "keeps every stream gapless and feeds every event once and in order, whatever happens at the same time",
    run: runFuzz,
  },
];

const workerCount = 8;
const turnCount = 40;
const streamNames = Array.from({ length: 6 }, (_, at) => `fuzz/${at}`);

/** Workers append to random streams of a few; a reader follows the feed all the while. */
async function runFuzz(subject: StoreSubject): Promise<void> {
  const replica = subject.openReplica();
  const committed: string[] = [];
  let isDone = false;
  const reading = followFeed(replica, () => isDone);
  const workers = Array.from({ length: workerCount }, async (_, worker) => {
    const random = randomFrom(worker + 1);
    for (let turn = 0; turn < turnCount; turn += 1) {
      committed.push(...await appendSome(subject, worker % 2 === 0 ? subject.store : replica, random));
    }
  });
  await Promise.all(workers);
  isDone = true;
  const seen = await reading;
  assertEquals([...seen].sort(), [...committed].sort());
  const byStream = await Promise.all(streamNames.map((name) => subject.store.readStream(name, 1, 10_000)));
  for (const stream of byStream) {
    assertEquals(stream.map(({ version }) => version), stream.map((_, at) => at + 1));
    const envelopes = new Set(stream.map(({ envelope }) => envelope));
    assertEquals(seen.filter((envelope) => envelopes.has(envelope)), stream.map(({ envelope }) => envelope));
  }
  assertEquals(byStream.flat().length, committed.length);
}

/** One turn: loads, decides, commits, and does it again where it was stale. @returns What it committed. */
async function appendSome(subject: StoreSubject, store: Store, random: () => number): Promise<readonly string[]> {
  const { ids } = subject;
  const streams = streamNames.filter(() => random() < 0.4);
  const inbox = [handled(ids.next())];
  let isLost = false;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const states = await store.loadStreams(streams, "1");
    const events = states.flatMap(({ stream, version }) =>
      Array.from({ length: Math.floor(random() * 3) }, (_, at) => makeEvent(ids, { stream, version: version + 1 + at }))
    );
    const expected = states.map(({ stream, version }) => ({ stream, version }));
    const outbox = events.map((event) => publishing(ids, event));
    const result: CommitResult = await store.commit(writing({ inbox, expected, events, outbox }));
    if (result.outcome === "committed") return events.map(({ envelope }) => envelope);
    isLost ||= result.duplicates.length > 0;
    ok(!isLost && result.stale.every((name) => streams.includes(name)));
  }
  throw new Error("200 attempts were not enough");
}

async function followFeed(store: Store, isDone: () => boolean): Promise<readonly string[]> {
  const seen: string[] = [];
  let after: FeedCursor = "";
  let completeUntilMs = 0;
  for (;;) {
    const wasDone = isDone();
    const page = await store.readFeed({ after, limit: 7 });
    for (const { envelope, recordedAtMs } of page.items) {
      ok(recordedAtMs >= completeUntilMs, `recorded at ${recordedAtMs}, promised complete until ${completeUntilMs}`);
      seen.push(envelope);
    }
    after = page.next;
    if (!page.hasMore) completeUntilMs = Math.max(completeUntilMs, page.completeUntilMs);
    if (wasDone && !page.hasMore) return seen;
  }
}

/** Mulberry32: the same numbers in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 4_294_967_296;
  };
}
