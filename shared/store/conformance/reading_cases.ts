import { deepStrictEqual as assertEquals, ok, rejects as assertRejects } from "node:assert/strict";
import type { FeedCursor, Store, StoredDeadLetter } from "../store.ts";
import {
  awkwardJson,
  claimIds,
  handled,
  makeDeadLetter,
  makeEvent,
  makeRow,
  queued,
  type StoreCase,
  type StoreSubject,
  writing,
} from "./subject.ts";

/** Promises of feeds, projections and dead letters. */
export const readingCases: readonly StoreCase[] = [
  {
    name: "feeds all events in the order of their commits, page by page",
    run: async (subject) => {
      const envelopes = await appendAll(subject, ["a", "b", "a", "c", "a"]);
      const pages: (readonly string[])[] = [];
      let after: FeedCursor = "";
      for (let hasMore = true; hasMore;) {
        const page = await subject.store.readFeed({ after, limit: 2 });
        pages.push(page.items.map(({ envelope }) => envelope));
        assertEquals(page.next, page.items.at(-1)?.cursor);
        ({ hasMore, next: after } = page);
      }
      assertEquals(pages, [envelopes.slice(0, 2), envelopes.slice(2, 4), envelopes.slice(4)]);
      const end = await subject.store.readFeed({ after, limit: 2 });
      assertEquals([end.items, end.next, end.hasMore], [[], after, false]);
      const [late] = await appendAll(subject, ["d"]);
      const more = await subject.store.readFeed({ after, limit: 2 });
      assertEquals(more.items.map(({ envelope }) => envelope), [late]);
    },
  },
  {
    name: "continues behind every single item of a page",
    run: async (subject) => {
      const envelopes = await appendAll(subject, ["a", "b", "c"]);
      const { items } = await subject.store.readFeed({ after: "", limit: 9 });
      for (const [at, { cursor }] of items.entries()) {
        const rest = await subject.store.readFeed({ after: cursor, limit: 9 });
        assertEquals(rest.items.map(({ envelope }) => envelope), envelopes.slice(at + 1));
      }
    },
  },
  {
    name: "feeds only the types asked for, and moves on past the others",
    run: async (subject) => {
      const envelopes = await appendAll(subject, ["a", "b", "a"], (at) => ({ type: at === 1 ? "rare" : "common" }));
      const rare = await subject.store.readFeed({ after: "", types: ["rare", "never"], limit: 9 });
      assertEquals([rare.items.map(({ envelope }) => envelope), rare.hasMore], [[envelopes[1]], false]);
      const none = await subject.store.readFeed({ after: "", types: [], limit: 9 });
      assertEquals([none.items, none.hasMore, none.next === rare.next], [[], false, true]);
      assertEquals((await subject.store.readFeed({ after: none.next, limit: 9 })).items, []);
    },
  },
  {
    name: "says up to when the feed is complete: behind all that it gave out, not ahead of the clock",
    run: async (subject) => {
      await appendAll(subject, ["a"]);
      await subject.advance(10_000);
      const before = await subject.store.nowMs();
      const page = await subject.store.readFeed({ after: "", limit: 9 });
      const recordedAtMs = page.items[0]!.recordedAtMs;
      ok(page.completeUntilMs >= before && page.completeUntilMs <= await subject.store.nowMs());
      ok(recordedAtMs <= before - 10_000);
    },
  },
  {
    name: "feeds only what was recorded before a given moment, and the rest later",
    run: async (subject) => {
      const [early] = await appendAll(subject, ["a"]);
      await subject.advance(60_000);
      const [late] = await appendAll(subject, ["b"]);
      const untilMs = await subject.store.nowMs() - 30_000;
      const page = await subject.store.readFeed({ after: "", limit: 9, untilMs });
      assertEquals([page.items.map(({ envelope }) => envelope), page.hasMore], [[early], false]);
      assertEquals(page.completeUntilMs, untilMs);
      const rest = await subject.store.readFeed({ after: page.next, limit: 9 });
      assertEquals(rest.items.map(({ envelope }) => envelope), [late]);
    },
  },
  {
    name: "refuses cursors of another epoch and texts that are no cursors",
    run: async ({ store }) => {
      for (const after of ["9.1.1.1", "rubbish", "1.1.1", "1.1.-1.1", "1.1.1.1 ", `1.1.${2n ** 64n}.1`]) {
        await assertRejects(store.readFeed({ after, limit: 1 }), { code: "contract.invalid", reason: "cursor-epoch" });
      }
    },
  },
  {
    name: "reads a stream from any version on",
    run: async (subject) => {
      const envelopes = await appendAll(subject, ["a", "b", "a", "a"]);
      const own = [envelopes[0]!, envelopes[2]!, envelopes[3]!];
      const read = async (from: number, limit: number) =>
        (await subject.store.readStream("a", from, limit)).map(({ version, envelope }) => [version, envelope]);
      assertEquals(await read(1, 9), own.map((envelope, at) => [at + 1, envelope]));
      assertEquals(await read(2, 1), [[2, own[1]]]);
      assertEquals(await read(4, 9), []);
      assertEquals(await subject.store.readStream("unknown", 1, 9), []);
    },
  },
  {
    name: "remembers where it stands in others' feeds",
    run: async ({ store }) => {
      assertEquals(await store.loadFeedCursor("orders"), "");
      await store.saveFeedCursor("orders", "1.1.5.5");
      await store.saveFeedCursor("orders", "1.1.6.6");
      assertEquals([await store.loadFeedCursor("orders"), await store.loadFeedCursor("payments")], ["1.1.6.6", ""]);
    },
  },
  {
    name: "writes rows of a read model if nobody else has since they were read",
    run: async ({ store }) => {
      const row = makeRow("a", { row: awkwardJson, seen: { "orders/1": 3, "orders/장터": 1 } });
      await store.commit(writing({ rows: [row] }));
      assertEquals(await store.loadRows("orders", 1, ["b", "a"]), [{ ...row, revision: 1 }]);
      await store.commit(writing({ rows: [{ ...row, owner: "ben", revision: 1 }] }));
      for (const revision of [0, 1, 3]) {
        const result = await store.commit(writing({ rows: [makeRow("b"), { ...row, revision }] }));
        assertEquals(result, { outcome: "conflict", duplicates: [], stale: ["orders:a"] });
      }
      assertEquals(await store.loadRows("orders", 1, ["a", "b"]), [{ ...row, owner: "ben", revision: 2 }]);
    },
  },
  {
    name: "refuses to write a row that has been removed",
    run: async ({ store }) => {
      await store.commit(writing({ rows: [makeRow("a")] }));
      await store.dropRows("orders", 1);
      const result = await store.commit(writing({ rows: [makeRow("a", { revision: 1 })] }));
      assertEquals(result, { outcome: "conflict", duplicates: [], stale: ["orders:a"] });
    },
  },
  {
    name: "lists rows by owner, in descending order of code points, from a place on",
    run: async ({ store }) => {
      // In UTF-16 the last two would change places.
      const keys = ["a", "B", "é", "\uffee", "\u{1fad6}"];
      const sorted = ["\u{1fad6}", "\uffee", "é", "a", "B"];
      await store.commit(writing({ rows: keys.map((key) => makeRow(key, { owner: key === "é" ? "ben" : "anna" })) }));
      const list = async (some: { readonly owner?: string; readonly before?: string }, limit = 9) =>
        (await store.listRows({ projection: "orders", generation: 1, limit, ...some })).map(({ key }) => key);
      assertEquals(await list({}), sorted);
      assertEquals(await list({ owner: "ben" }), ["é"]);
      assertEquals(await list({ owner: "anna", before: "\uffee" }, 1), ["a"]);
      assertEquals(await list({ owner: "nobody" }), []);
    },
  },
  {
    name: "switches readers to another generation and drops the others, of this read model only",
    run: async ({ store }) => {
      const rows = [makeRow("a"), makeRow("a", { generation: 2 }), makeRow("a", { projection: "products" })];
      await store.commit(writing({ rows }));
      assertEquals(await store.readGeneration("orders"), 1);
      await store.switchGeneration("orders", 2);
      assertEquals(await store.readGeneration("orders"), 2);
      const left = await Promise.all([
        store.loadRows("orders", 1, ["a"]),
        store.loadRows("orders", 2, ["a"]),
        store.loadRows("products", 1, ["a"]),
      ]);
      assertEquals(left.map((found) => found.length), [0, 1, 1]);
    },
  },
  {
    name: "keeps dead letters whatever their texts hold, and lists them newest first",
    run: async ({ store, ids }) => {
      // Ids of one millisecond sort by chance.
      const sorted = [1, 2, 3].map(() => ids.next()).sort();
      const [first, second] = sorted.map((id) => makeDeadLetter(ids, { id }));
      const odd = { id: sorted[2]!, messageId: "no id\0", detail: "\0\ud800", headers: { odd: "\0" } };
      await store.commit(writing({ deadLetters: [first!, makeDeadLetter(ids, odd), second!] }));
      const listed = await store.listDeadLetters({ limit: 9 });
      assertEquals(listed.map(({ id }) => id), sorted.toReversed());
      assertEquals(withoutTime(listed[1]!), { ...second, status: "dead" });
      assertEquals([listed[0]?.messageId, listed[0]?.detail], ["no id\uFFFD", "\uFFFD\uFFFD"]);
      assertEquals(listed[0]?.headers, { odd: "\0" });
      const after = await store.listDeadLetters({ status: "dead", limit: 1, after: sorted[1]! });
      assertEquals(after.map(({ id }) => id), [first!.id]);
      assertEquals((await store.findDeadLetter(odd.id))?.messageId, "no id\uFFFD");
      assertEquals([await store.findDeadLetter(ids.next()), await store.findDeadLetter("x'")], [undefined, undefined]);
      assertEquals((await store.readStatus()).deadLetterCount, 3);
    },
  },
  {
    name: "settles dead letters once, together with what is recorded about it",
    run: async ({ store, ids }) => {
      const [first, second] = [makeDeadLetter(ids), makeDeadLetter(ids)];
      await store.commit(writing({ deadLetters: [first, second] }));
      const [retry, never] = [queued(ids, { kind: "retry" }), queued(ids, { kind: "retry" })];
      const redriven = await store.settleDeadLetters(
        [{ id: first.id, status: "redriven" }],
        writing({ outbox: [retry] }),
      );
      assertEquals(redriven.outcome, "committed");
      const both = [first, second].map(({ id }) => ({ id, status: "discarded" as const }));
      assertEquals(await store.settleDeadLetters(both, writing({ outbox: [never] })), {
        outcome: "conflict",
        duplicates: [],
        stale: [first.id],
      });
      assertEquals(await claimIds(store), [retry.id]);
      assertEquals((await store.findDeadLetter(first.id))?.status, "redriven");
      assertEquals((await store.listDeadLetters({ status: "dead", limit: 9 })).map(({ id }) => id), [second.id]);
      const unknown = ids.next();
      const missing = await store.settleDeadLetters([{ id: unknown, status: "discarded" }], writing({}));
      assertEquals(missing, { outcome: "conflict", duplicates: [], stale: [unknown] });
    },
  },
  {
    name: "never redrives what came from somebody untrusted, but lets it be discarded",
    run: async ({ store, ids }) => {
      const letter = makeDeadLetter(ids, { class: "untrusted" });
      await store.commit(writing({ deadLetters: [letter] }));
      const redrive = store.settleDeadLetters(
        [{ id: letter.id, status: "redriven" }],
        writing({ outbox: [queued(ids)] }),
      );
      await assertRejects(redrive, { code: "defect" });
      assertEquals([await claimIds(store), (await store.findDeadLetter(letter.id))?.status], [[], "dead"]);
      await store.settleDeadLetters([{ id: letter.id, status: "discarded" }], writing({}));
      assertEquals((await store.findDeadLetter(letter.id))?.status, "discarded");
    },
  },
  {
    name: "counts dead and discarded messages as handled, redriven and untrusted ones not",
    run: async ({ store, ids }) => {
      const [dead, discarded, redriven] = [makeDeadLetter(ids), makeDeadLetter(ids), makeDeadLetter(ids)];
      const untrusted = makeDeadLetter(ids, { class: "untrusted" });
      const inInbox = ids.next();
      const letters = [dead, discarded, redriven, untrusted];
      await store.commit(writing({ inbox: [handled(inInbox)], deadLetters: letters }));
      await store.settleDeadLetters([
        { id: discarded.id, status: "discarded" },
        { id: redriven.id, status: "redriven" },
      ], writing({}));
      const asked = [inInbox, ...letters.map(({ messageId }) => messageId), ids.next(), "no uuid"];
      assertEquals(
        [...await store.findHandled("inventory", asked)].sort(),
        [inInbox, dead.messageId, discarded.messageId].sort(),
      );
    },
  },
];

/** Appends one event to each of the streams, each in a commit of its own. */
async function appendAll(
  { store, ids }: StoreSubject,
  streams: readonly string[],
  some: (at: number) => { readonly type?: string } = () => ({}),
): Promise<readonly string[]> {
  const envelopes: string[] = [];
  for (const [at, stream] of streams.entries()) {
    const version = await headOf(store, stream);
    const event = makeEvent(ids, { stream, version: version + 1 }, some(at));
    await store.commit(writing({ expected: [{ stream, version }], events: [event] }));
    envelopes.push(event.envelope);
  }
  return envelopes;
}

async function headOf(store: Store, stream: string): Promise<number> {
  return (await store.loadStreams([stream], "1"))[0]!.version;
}

function withoutTime({ diedAtMs: _diedAtMs, ...rest }: StoredDeadLetter): Omit<StoredDeadLetter, "diedAtMs"> {
  return rest;
}
