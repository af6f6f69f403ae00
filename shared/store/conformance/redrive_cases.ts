import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { Json } from "@mesh/base";
import type { RedriveItemEntry, RedriveStep, StoredRedrive } from "../redrive.ts";
import type { DeadLetterEntry, Store } from "../store.ts";
import {
  awkwardJson,
  claimIds,
  handled,
  makeDeadLetter,
  makeEvent,
  publishing,
  queued,
  type StoreCase,
  type StoreSubject,
  writing,
} from "./subject.ts";

const log = "inventory/log-p0";
const nothing = { waiting: 0, taken: 0, handled: 0, "dead-again": 0, unknown: 0, refused: 0 };

/** Promises of redrives, and of what selects for them. */
export const redriveCases: readonly StoreCase[] = [
  {
    name: "lists dead letters by what they are and when they died, in either direction",
    run: async ({ store, ids, advance }) => {
      const kinds: readonly Partial<DeadLetterEntry>[] = [
        { class: "exhausted", reason: "dependency.unavailable", type: "a.one", correlation: "o-1" },
        { class: "defect", reason: "defect", type: "a.one", correlation: "o-2" },
        { class: "exhausted", reason: "store.conflict", type: "a.two", correlation: "o-2" },
      ];
      const sorted = kinds.map(() => ids.next()).sort();
      const letters = kinds.map((kind, at) => makeDeadLetter(ids, { ...kind, id: sorted[at]! }));
      await store.commit(writing({ deadLetters: letters.slice(0, 2) }));
      await advance(60_000);
      await store.commit(writing({ deadLetters: letters.slice(2) }));
      const list = async (query: Partial<Parameters<Store["listDeadLetters"]>[0]>) => {
        const found = await store.listDeadLetters({ limit: 9, ...query });
        return found.map(({ id }) => sorted.indexOf(id));
      };
      assertEquals(await list({ isOldestFirst: true }), [0, 1, 2]);
      assertEquals(await list({ isOldestFirst: true, after: sorted[0]!, limit: 1 }), [1]);
      assertEquals(await list({ class: "exhausted" }), [2, 0]);
      assertEquals(await list({ class: "exhausted", type: "a.one" }), [0]);
      assertEquals(await list({ reason: "defect" }), [1]);
      assertEquals(await list({ correlation: "o-2", type: "it's \0 none" }), []);
      const diedAtMs = (await store.findDeadLetter(sorted[2]!))!.diedAtMs;
      assertEquals([await list({ sinceMs: diedAtMs }), await list({ untilMs: diedAtMs })], [[2], [1, 0]]);
    },
  },
  {
    name:
      "tells of a dead letter whether its message is in the inbox, and which letter of the same bytes died after it",
    run: async ({ store, ids, advance }) => {
      const [again, forged] = [makeDeadLetter(ids), makeDeadLetter(ids)];
      const [inInbox, odd] = [makeDeadLetter(ids), makeDeadLetter(ids, { messageId: "no uuid" })];
      await store.commit(writing({
        inbox: [handled(inInbox.messageId), handled(forged.messageId, { consumer: "somebody else" })],
        deadLetters: [again, forged, inInbox, odd],
      }));
      await advance(1_000);
      const second = makeDeadLetter(ids, { messageId: again.messageId, reason: "too late" });
      const rubbish = makeDeadLetter(ids, { messageId: forged.messageId, digest: "another" });
      await store.commit(writing({ deadLetters: [second, rubbish] }));
      const asked = [again, second, forged, inInbox, odd].map(({ id }) => id);
      const fates = await store.findFates("inventory", [...asked, ids.next(), "no id"]);
      const later = { id: second.id, class: "exhausted", reason: "too late" };
      assertEquals(asked.map((id) => fates.find(({ letterId }) => letterId === id)), [
        { letterId: again.id, isHandled: false, later },
        { letterId: second.id, isHandled: false, later: null },
        { letterId: forged.id, isHandled: false, later: null },
        { letterId: inInbox.id, isHandled: true, later: null },
        { letterId: odd.id, isHandled: false, later: null },
      ]);
      assertEquals(fates.length, 5);
    },
  },
  {
    name: "keeps a redrive and its letters as they were selected, with what is recorded about it",
    run: async (subject) => {
      const { store, ids } = subject;
      const letters = await bury(subject, 2);
      const event = makeEvent(ids, { stream: log, version: 1 });
      const entry = { id: ids.next(), reason: "it's fixed", terms: awkwardJson, progress: { batch: 0 } };
      const items = [itemOf(letters[0]!), itemOf(letters[1]!, { state: "refused", why: "too-old", detail: "\0'\"{" })];
      const writes = writing({
        expected: [{ stream: log, version: 0 }],
        events: [event],
        outbox: [publishing(ids, event)],
      });
      assertEquals((await store.startRedrive(entry, items, writes)).outcome, "committed");
      const found = await find(store, entry.id);
      assertEquals(withoutTime(found), {
        ...entry,
        status: "running",
        statusReason: "",
        revision: 1,
        endedAtMs: null,
        counts: { ...nothing, waiting: 1, refused: 1 },
      });
      const fresh = { batch: null, takenAtMs: null, endedAtMs: null, laterId: null };
      assertEquals(await store.listRedriveItems({ id: entry.id, limit: 9 }), [
        { ...items[0]!, ...fresh, ordinal: 1 },
        { ...items[1]!, ...fresh, ordinal: 2, detail: "\uFFFD'\"{" },
      ]);
      assertEquals(await claimIds(store), [writes.outbox[0]!.id]);
      const other = { ...entry, id: ids.next() };
      assertEquals(await store.startRedrive(other, items, writing({ expected: [{ stream: log, version: 0 }] })), {
        outcome: "conflict",
        duplicates: [],
        stale: [log],
      });
      assertEquals([await store.findRedrive(other.id), await store.findRedrive("x'")], [undefined, undefined]);
    },
  },
  {
    name: "lists redrives newest first, and their letters by ordinal and state",
    run: async (subject) => {
      const { store, ids } = subject;
      const letters = await bury(subject, 3);
      const sorted = [1, 2, 3].map(() => ids.next()).sort();
      for (const id of sorted) await start(subject, letters, id);
      assertEquals((await store.listRedrives({ limit: 2 })).map(({ id }) => id), [sorted[2], sorted[1]]);
      assertEquals((await store.listRedrives({ limit: 9, after: sorted[1]! })).map(({ id }) => id), [sorted[0]]);
      const id = sorted[0]!;
      const items = [changeOf(2, "taken", { batch: 1 }), changeOf(3, "refused", { why: "not-dead" })];
      await store.advanceRedrive(stepOf(id, 1, { items }), writing({}));
      const list = async (query: Partial<Parameters<Store["listRedriveItems"]>[0]>) =>
        (await store.listRedriveItems({ id, limit: 9, ...query })).map(({ ordinal }) => ordinal);
      assertEquals([await list({}), await list({ after: 1, limit: 1 })], [[1, 2, 3], [2]]);
      assertEquals([await list({ states: ["waiting", "taken"] }), await list({ states: ["handled"] })], [[1, 2], []]);
      assertEquals((await find(store, id)).counts, { ...nothing, waiting: 1, taken: 1, refused: 1 });
    },
  },
  {
    name: "takes letters of a redrive once: they are redriven, sent and recorded together or not at all",
    run: async (subject) => {
      const { store, ids } = subject;
      const [letter] = await bury(subject, 1);
      const [mine, rival] = [await start(subject, [letter!]), await start(subject, [letter!])];
      const step = (id: string) =>
        stepOf(id, 1, { items: [changeOf(1, "taken", { batch: 1 })], letterIds: [letter!.id], nextInMs: 60_000 });
      const [sent, never] = [queued(ids, { kind: "retry" }), queued(ids, { kind: "retry" })];
      const taken = await store.advanceRedrive(step(mine), writing({ outbox: [sent] }));
      assertEquals(taken.outcome, "committed");
      assertEquals(await store.advanceRedrive(step(rival), writing({ outbox: [never] })), {
        outcome: "conflict",
        duplicates: [],
        stale: [letter!.id],
      });
      assertEquals([(await store.findDeadLetter(letter!.id))?.status, await claimIds(store)], ["redriven", [sent.id]]);
      const [item] = await store.listRedriveItems({ id: mine, limit: 1 });
      assertEquals([item?.state, item?.batch, item?.endedAtMs, typeof item?.takenAtMs], ["taken", 1, null, "number"]);
      assertEquals((await find(store, rival)).counts, { ...nothing, waiting: 1 });
    },
  },
  {
    name: "notes how a letter of a redrive ended, and keeps when and in which batch it was taken",
    run: async (subject) => {
      const { store, ids } = subject;
      const id = await start(subject, await bury(subject, 2));
      const takes = [1, 2].map((ordinal) => changeOf(ordinal, "taken", { batch: 4 }));
      await store.advanceRedrive(stepOf(id, 1, { items: takes, progress: { batch: 4 } }), writing({}));
      const laterId = ids.next();
      const ends = [changeOf(1, "handled"), changeOf(2, "dead-again", { why: "exhausted", detail: "a\0b", laterId })];
      await store.advanceRedrive(
        stepOf(id, 2, { items: ends, status: "done", statusReason: "all", nextInMs: null }),
        writing({}),
      );
      const items = await store.listRedriveItems({ id, limit: 9 });
      assertEquals(items.map(({ state, why, detail, batch, laterId }) => [state, why, detail, batch, laterId]), [
        ["handled", "", "", 4, null],
        ["dead-again", "exhausted", "a\uFFFDb", 4, laterId],
      ]);
      assertEquals(items.every(({ takenAtMs, endedAtMs }) => takenAtMs !== null && endedAtMs! >= takenAtMs), true);
      const { status, statusReason, endedAtMs, progress, counts } = await find(store, id);
      assertEquals([status, statusReason, endedAtMs !== null, progress], ["done", "all", true, {}]);
      assertEquals(counts, { ...nothing, handled: 1, "dead-again": 1 });
    },
  },
  {
    name: "gives a redrive to one process at a time, when it is due, the one that has waited longest first",
    run: async (subject) => {
      const { store, openReplica, advance } = subject;
      const letters = await bury(subject, 1);
      const first = await start(subject, letters);
      await advance(1_000);
      const second = await start(subject, letters);
      const claim = async (of: Store) => (await of.claimRedrive(10_000))?.id;
      assertEquals([await claim(store), await claim(openReplica()), await claim(store)], [first, second, undefined]);
      assertEquals((await find(store, first)).revision, 2);
      await store.advanceRedrive(stepOf(first, 2, { nextInMs: 5_000 }), writing({}));
      assertEquals(await claim(store), undefined);
      await advance(5_000);
      assertEquals(await claim(store), first);
      await store.advanceRedrive(stepOf(first, 4, { nextInMs: null }), writing({}));
      await advance(60_000);
      assertEquals([await claim(store), await claim(store)], [second, undefined]);
    },
  },
  {
    name: "lets one of two processes win that want the same redrive, or the same step of it, at the same time",
    run: async (subject) => {
      const { store, openReplica, ids } = subject;
      const [letter] = await bury(subject, 1);
      const id = await start(subject, [letter!]);
      const replicas = [store, openReplica()];
      const claims = await Promise.all(replicas.map((replica) => replica.claimRedrive(60_000)));
      assertEquals(claims.filter((claim) => claim !== undefined).map(({ revision }) => revision), [2]);
      const step = stepOf(id, 2, { items: [changeOf(1, "taken", { batch: 1 })], letterIds: [letter!.id] });
      const steps = await Promise.all(
        replicas.map((replica) => replica.advanceRedrive(step, writing({ outbox: [queued(ids, { kind: "retry" })] }))),
      );
      assertEquals(steps.map(({ outcome }) => outcome).sort(), ["committed", "conflict"]);
      assertEquals((await claimIds(store)).length, 1);
    },
  },
  {
    name: "writes nothing of a redrive's step that somebody else was faster with",
    run: async (subject) => {
      const { store, openReplica, advance, ids } = subject;
      const [letter] = await bury(subject, 1);
      const id = await start(subject, [letter!]);
      const lost = await store.claimRedrive(10_000);
      await advance(10_000);
      const held = await openReplica().claimRedrive(10_000);
      assertEquals([lost?.revision, held?.revision], [2, 3]);
      const step = { items: [changeOf(1, "taken", { batch: 1 })], letterIds: [letter!.id] };
      const sent = queued(ids, { kind: "retry" });
      assertEquals(await store.advanceRedrive(stepOf(id, 2, step), writing({ outbox: [sent] })), {
        outcome: "conflict",
        duplicates: [],
        stale: [id],
      });
      assertEquals([(await store.findDeadLetter(letter!.id))?.status, await claimIds(store)], ["dead", []]);
      assertEquals((await find(store, id)).counts, { ...nothing, waiting: 1 });
      assertEquals((await store.advanceRedrive(stepOf(id, 3, step), writing({ outbox: [sent] }))).outcome, "committed");
    },
  },
];

async function bury({ store, ids }: StoreSubject, count: number): Promise<readonly DeadLetterEntry[]> {
  const letters = Array.from({ length: count }, () => makeDeadLetter(ids));
  await store.commit(writing({ deadLetters: letters }));
  return letters;
}

async function start(
  { store, ids }: StoreSubject,
  letters: readonly DeadLetterEntry[],
  id = ids.next(),
): Promise<string> {
  const entry = { id, reason: "fixed", terms: {}, progress: {} };
  await store.startRedrive(entry, letters.map((letter) => itemOf(letter)), writing({}));
  return id;
}

function itemOf(letter: DeadLetterEntry, some: Partial<RedriveItemEntry> = {}): RedriveItemEntry {
  const { id: letterId, messageId, type, class: className, reason, correlation } = letter;
  return {
    letterId,
    messageId,
    type,
    class: className,
    reason,
    correlation,
    state: "waiting",
    why: "",
    detail: "",
    ...some,
  };
}

function changeOf(
  ordinal: number,
  state: RedriveStep["items"][number]["state"],
  some: Partial<RedriveStep["items"][number]> = {},
): RedriveStep["items"][number] {
  return { ordinal, state, why: "", detail: "", ...some };
}

function stepOf(id: string, revision: number, some: Partial<RedriveStep> = {}): RedriveStep {
  const progress: Json = {};
  return {
    id,
    revision,
    status: "running",
    statusReason: "",
    progress,
    nextInMs: 0,
    items: [],
    letterIds: [],
    ...some,
  };
}

async function find(store: Store, id: string): Promise<StoredRedrive> {
  const found = await store.findRedrive(id);
  if (found === undefined) throw new Error(`no redrive "${id}"`);
  return found;
}

function withoutTime({ createdAtMs: _createdAtMs, ...rest }: StoredRedrive): Omit<StoredRedrive, "createdAtMs"> {
  return rest;
}
