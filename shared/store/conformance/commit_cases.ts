import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import type { TurnWrites } from "../store.ts";
import {
  awkwardJson,
  claimIds,
  handled,
  makeEffect,
  makeEvent,
  makeRow,
  publishing,
  queued,
  type StoreCase,
  writing,
} from "./subject.ts";

const stream = "inventory/TEA-0001";
const other = "inventory/TEA-0002";

/** Promises of `commit` and `loadStreams`. */
export const commitCases: readonly StoreCase[] = [
  {
    name: "gives back what was committed, in the order asked for",
    run: async ({ store, ids }) => {
      const events = [1, 2].map((version) => makeEvent(ids, { stream, version }, { data: awkwardJson }));
      const result = await store.commit(writing({ expected: [{ stream, version: 0 }], events }));
      assertEquals(result.outcome, "committed");
      assertEquals(await store.loadStreams([other, stream], "1"), [
        { stream: other, version: 0, hash: null, events: [] },
        {
          stream,
          version: 2,
          hash: events[1]!.hash,
          events: events.map(({ version, type, schemaVersion, data }) => ({ version, type, schemaVersion, data })),
        },
      ]);
    },
  },
  {
    name: "loads the newest snapshot of the state version, and the events after it",
    run: async ({ store, ids }) => {
      const events = [1, 2, 3].map((version) => makeEvent(ids, { stream, version }));
      const snapshot = (version: number, stateVersion: string) => ({
        stream,
        version,
        stateVersion,
        state: { version },
      });
      await store.commit(writing({
        expected: [{ stream, version: 0 }],
        events,
        snapshots: [snapshot(2, "a"), snapshot(3, "b")],
      }));
      await store.commit(writing({ snapshots: [snapshot(1, "a")] }));
      const versions = async (stateVersion: string) => {
        const [state] = await store.loadStreams([stream], stateVersion);
        return [state?.version, state?.hash, state?.snapshot, state?.events.map(({ version }) => version)];
      };
      const hash = events[2]!.hash;
      assertEquals(await versions("a"), [3, hash, { version: 2, state: { version: 2 } }, [3]]);
      assertEquals(await versions("b"), [3, hash, { version: 3, state: { version: 3 } }, []]);
      assertEquals(await versions("c"), [3, hash, undefined, [1, 2, 3]]);
    },
  },
  {
    name: "refuses a version that has moved on, also where nothing is appended, and writes nothing",
    run: async ({ store, ids }) => {
      await store.commit(
        writing({ expected: [{ stream, version: 0 }], events: [makeEvent(ids, { stream, version: 1 })] }),
      );
      const messageId = ids.next();
      const stale = writing({
        inbox: [handled(messageId)],
        expected: [{ stream: other, version: 0 }, { stream, version: 0 }],
        events: [makeEvent(ids, { stream: other, version: 1 })],
        outbox: [queued(ids)],
        timers: [{ stream: other, dueAtMs: 1 }],
        effects: [makeEffect(other, 0)],
        rows: [makeRow("a")],
      });
      assertEquals(await store.commit(stale), { outcome: "conflict", duplicates: [], stale: [stream] });
      await assertNothingOf(store, stale);
    },
  },
  {
    name: "refuses a version that lies ahead",
    run: async ({ store }) => {
      const result = await store.commit(writing({ expected: [{ stream, version: 3 }] }));
      assertEquals(result, { outcome: "conflict", duplicates: [], stale: [stream] });
    },
  },
  {
    name: "names messages that were handled before, says whether the digest is the same, and writes nothing",
    run: async ({ store, ids }) => {
      const [first, second, third] = [ids.next(), ids.next(), ids.next()].sort() as [string, string, string];
      await store.commit(writing({ inbox: [handled(first), handled(second)] }));
      const again = writing({
        inbox: [handled(third), handled(second, { digest: "forged" }), handled(first)],
        expected: [{ stream, version: 0 }],
        events: [makeEvent(ids, { stream, version: 1 })],
        outbox: [queued(ids)],
      });
      assertEquals(await store.commit(again), {
        outcome: "conflict",
        duplicates: [
          { messageId: first, consumer: "inventory", isSameDigest: true },
          { messageId: second, consumer: "inventory", isSameDigest: false },
        ],
        stale: [],
      });
      await assertNothingOf(store, { ...again, inbox: [handled(third)] });
    },
  },
  {
    name: "names everything that stands against a commit at once",
    run: async ({ store, ids }) => {
      const inbox = [handled(ids.next())];
      const done = { inbox, expected: [{ stream, version: 0 }], rows: [makeRow("a")] };
      await store.commit(writing({ ...done, events: [makeEvent(ids, { stream, version: 1 })] }));
      assertEquals(
        await store.commit(writing({ ...done, expected: [{ stream: other, version: 1 }, ...done.expected] })),
        {
          outcome: "conflict",
          duplicates: [{ messageId: inbox[0]!.messageId, consumer: "inventory", isSameDigest: true }],
          stale: [stream, other, "orders:a"],
        },
      );
    },
  },
  {
    name: "ends a repeated commit as a conflict: whoever does not know its outcome may repeat it",
    run: async ({ store, ids }) => {
      const inbox = [handled(ids.next())];
      const event = makeEvent(ids, { stream, version: 1 });
      const turn = writing({
        inbox,
        expected: [{ stream, version: 0 }],
        events: [event],
        outbox: [publishing(ids, event)],
      });
      await store.commit(turn);
      const duplicate = { messageId: inbox[0]!.messageId, consumer: "inventory", isSameDigest: true };
      assertEquals(await store.commit(turn), { outcome: "conflict", duplicates: [duplicate], stale: [stream] });
      assertEquals(await claimIds(store), turn.outbox.map(({ id }) => id));
    },
  },
  {
    name: "lets every consumer handle a message once",
    run: async ({ store, ids }) => {
      const messageId = ids.next();
      await store.commit(writing({ inbox: [handled(messageId)] }));
      const result = await store.commit(writing({ inbox: [handled(messageId, { consumer: "inventory/stock-view" })] }));
      assertEquals(result.outcome, "committed");
      assertEquals(await store.findHandled("inventory", [messageId, ids.next()]), new Set([messageId]));
      assertEquals(await store.findHandled("elsewhere", [messageId]), new Set());
    },
  },
  {
    name: "turns a command that comes after its undo into a duplicate, whose envelope was never seen",
    run: async ({ store, ids }) => {
      const [undo, command] = [ids.next(), ids.next()];
      await store.commit(writing({ inbox: [handled(undo)], voided: [handled(command, { digest: "" })] }));
      assertEquals(await store.commit(writing({ inbox: [handled(command, { digest: "whatever it is" })] })), {
        outcome: "conflict",
        duplicates: [{ messageId: command, consumer: "inventory", isSameDigest: true }],
        stale: [],
      });
    },
  },
  {
    name: "lets an undo void what was handled before it or with it, and keeps that digest",
    run: async ({ store, ids }) => {
      const [before, together, undo] = [ids.next(), ids.next(), ids.next()];
      await store.commit(writing({ inbox: [handled(before)] }));
      const voided = [before, together].map((messageId) => handled(messageId, { digest: "" }));
      const result = await store.commit(writing({ inbox: [handled(undo), handled(together)], voided }));
      assertEquals(result.outcome, "committed");
      const again = await store.commit(
        writing({ inbox: [before, together].map((id) => handled(id, { digest: "forged" })) }),
      );
      assertEquals(again.outcome === "conflict" && again.duplicates.map(({ isSameDigest }) => isSameDigest), [
        false,
        false,
      ]);
    },
  },
  {
    name: "refuses writes that contradict themselves as a defect, and writes nothing",
    run: async ({ store, ids }) => {
      const messageId = ids.next();
      const row = queued(ids);
      const wrong: Partial<TurnWrites>[] = [
        { inbox: [handled(messageId), handled(messageId)] },
        { expected: [{ stream, version: 0 }, { stream, version: 0 }] },
        { events: [makeEvent(ids, { stream, version: 1 })] },
        { expected: [{ stream, version: 0 }], events: [makeEvent(ids, { stream, version: 2 })] },
        { expected: [{ stream, version: 0 }], events: [1, 3].map((version) => makeEvent(ids, { stream, version })) },
        { outbox: [row, row] },
        { rows: [makeRow("a"), makeRow("a")] },
        { inbox: [handled("no-uuid")] },
        { answered: ["no-uuid"] },
      ];
      for (const some of wrong) await assertRejects(store.commit(writing(some)), { code: "defect" });
      await assertNothingOf(store, writing({ inbox: [handled(messageId)], expected: [{ stream, version: 0 }] }));
    },
  },
  {
    name: "refuses an event or outbox id that is taken as a defect, and writes nothing",
    run: async ({ store, ids }) => {
      const event = makeEvent(ids, { stream, version: 1 });
      const row = queued(ids);
      await store.commit(writing({ expected: [{ stream, version: 0 }], events: [event], outbox: [row] }));
      const messageId = ids.next();
      const wrong = [
        { expected: [{ stream: other, version: 0 }], events: [{ ...event, stream: other }] },
        { outbox: [{ ...queued(ids), id: row.id }] },
      ];
      for (const some of wrong) {
        await assertRejects(store.commit(writing({ inbox: [handled(messageId)], ...some })), { code: "defect" });
      }
      assertEquals(await store.findHandled("inventory", [messageId]), new Set());
      assertEquals((await store.loadStreams([other], "1"))[0]?.version, 0);
    },
  },
  {
    name: "says what time it is after a commit, never running backwards",
    run: async ({ store, ids }) => {
      const before = await store.nowMs();
      const result = await store.commit(writing({ inbox: [handled(ids.next())] }));
      const after = await store.nowMs();
      const nowMs = result.outcome === "committed" ? result.nowMs : NaN;
      assertEquals([before <= nowMs, nowMs <= after, Number.isInteger(nowMs)], [true, true, true]);
    },
  },
];

/** Looks everywhere that a commit writes to. */
async function assertNothingOf(store: Parameters<StoreCase["run"]>[0]["store"], writes: TurnWrites): Promise<void> {
  const streams = await store.loadStreams([other], "1");
  const found = {
    handled: await store.findHandled("inventory", writes.inbox.map(({ messageId }) => messageId)),
    versions: streams.map(({ version }) => version),
    outbox: await claimIds(store),
    timers: await store.readDueTimers(10),
    effects: await store.claimEffects({ limits: { provider: 10 }, leaseMs: 1, by: 0 }),
    rows: await store.loadRows("orders", 1, ["a"]),
  };
  assertEquals(found, { handled: new Set(), versions: [0], outbox: [], timers: [], effects: [], rows: [] });
}
