import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import type { Store } from "../store.ts";
import { claimIds, makeEvent, publishing, queued, type StoreCase, type StoreSubject, writing } from "./subject.ts";

const stream = "inventory/TEA-0001";
const dayMs = 86_400_000;

/** Promises of the outbox and of the answers that can be queued again. */
export const outboxCases: readonly StoreCase[] = [
  {
    name: "hands out unpublished rows whole and in commit order, to one process at a time",
    run: async ({ store, openReplica, advance, ids }) => {
      const event = makeEvent(ids, { stream, version: 1 });
      const rows = [
        publishing(ids, event),
        queued(ids),
        queued(ids, { kind: "retry", orderKey: "retry", messageId: ids.next() }),
      ];
      await store.commit(writing({ expected: [{ stream, version: 0 }], events: [event], outbox: rows.slice(0, 2) }));
      await store.commit(writing({ outbox: rows.slice(2) }));
      assertEquals(await store.claimOutbox({ limit: 2, olderThanMs: 0, leaseMs: 5_000 }), rows.slice(0, 2));
      assertEquals(await openReplica().claimOutbox({ limit: 9, olderThanMs: 0, leaseMs: 5_000 }), rows.slice(2));
      assertEquals(await claimIds(store), []);
      await advance(5_000);
      assertEquals(await claimIds(store), rows.map(({ id }) => id));
    },
  },
  {
    name: "leaves young rows to the process that committed them",
    run: async ({ store, advance, ids }) => {
      const row = await put(store, queued(ids));
      assertEquals(await store.claimOutbox({ limit: 9, olderThanMs: 5_000, leaseMs: 1 }), []);
      await advance(5_000);
      assertEquals((await store.claimOutbox({ limit: 9, olderThanMs: 5_000, leaseMs: 1 })).map(({ id }) => id), [
        row.id,
      ]);
    },
  },
  {
    name: "publishes an event of an earlier turn from its own text",
    run: async ({ store, ids }) => {
      const event = makeEvent(ids, { stream, version: 1 });
      const row = await put(store, publishing(ids, event));
      assertEquals(await store.claimOutbox({ limit: 9, olderThanMs: 0, leaseMs: 1 }), [row]);
    },
  },
  {
    name: "forgets confirmed events and retries, and keeps confirmed commands",
    run: async ({ store, ids }) => {
      const kinds = ["event", "retry", "command"] as const;
      const rows = kinds.map((kind) => queued(ids, { kind, orderKey: kind }));
      await store.commit(writing({ outbox: rows }));
      await store.settleOutbox({ confirmed: rows.map(({ id }) => id), failed: [] });
      assertEquals((await store.readStatus()).outboxCount, 1);
      assertEquals(await claimIds(store), []);
    },
  },
  {
    name: "sends a command again after 30 s, doubling to 10 min, until it is answered",
    run: async (subject) => {
      const { store, ids } = subject;
      const row = await put(store, queued(ids));
      await claimIds(store);
      const waitsMs = [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000];
      for (const [count, waitMs] of waitsMs.entries()) {
        await store.settleOutbox({ confirmed: [row.id], failed: [] });
        // Half a second for the real time that passes meanwhile on a real database.
        await subject.advance(waitMs - 500);
        assertEquals(await claimIds(store), [], `too early after ${count + 1} confirms`);
        await subject.advance(500);
        const again = await store.claimOutbox({ limit: 9, olderThanMs: 0, leaseMs: 1 });
        assertEquals(again, [{ ...row, sentCount: count + 1 }]);
      }
      await store.commit(writing({ answered: [row.messageId] }));
      assertEquals((await store.readStatus()).outboxCount, 0);
    },
  },
  {
    name: "notes confirms together with a turn",
    run: async ({ store, ids }) => {
      const [event, command] = [queued(ids, { kind: "event" }), queued(ids)];
      await store.commit(writing({ outbox: [event, command] }));
      await store.commit(writing({ confirmed: [event.id, ids.next()], awaiting: [command.id, ids.next()] }));
      assertEquals((await store.readStatus()).outboxCount, 1);
      assertEquals(await claimIds(store), []);
    },
  },
  {
    name: "never takes a command for done because it was confirmed",
    run: async ({ store, ids }) => {
      const command = queued(ids);
      await store.commit(writing({ outbox: [command] }));
      await store.commit(writing({ confirmed: [command.id] }));
      assertEquals(await claimIds(store), [command.id]);
    },
  },
  {
    name: "ends only the command that was answered, also when it was queued in the same turn",
    run: async ({ store, ids }) => {
      const [answered, open] = [queued(ids), queued(ids)];
      const event = queued(ids, { kind: "event", messageId: answered.messageId });
      await store.commit(writing({ outbox: [answered, open, event], answered: [answered.messageId] }));
      assertEquals(await claimIds(store), [open.id, event.id]);
    },
  },
  {
    name: "holds back only later rows of the order key whose row failed, until that is through",
    run: async (subject) => {
      const { store, ids } = subject;
      const [first, failed, later] = [1, 2, 3].map(() => queued(ids, { kind: "event" })) as [Row, Row, Row];
      const elsewhere = queued(ids, { kind: "event", orderKey: "inventory/TEA-0002" });
      await store.commit(writing({ outbox: [first, failed, later, elsewhere] }));
      await store.settleOutbox({ confirmed: [], failed: [failed.id] });
      assertEquals(await claimIds(store, 0), [first.id, elsewhere.id]);
      await subject.advance(1_000);
      assertEquals(await claimIds(store, 0), [first.id, failed.id, elsewhere.id]);
      await store.settleOutbox({ confirmed: [failed.id], failed: [] });
      assertEquals(await claimIds(store, 0), [first.id, later.id, elsewhere.id]);
    },
  },
  {
    name: "holds back later rows of an order key while an earlier one is on its way with somebody else",
    run: async ({ store, openReplica, ids }) => {
      const first = await put(store, queued(ids));
      assertEquals(await claimIds(store), [first.id]);
      const later = await put(store, queued(ids));
      const elsewhere = await put(store, queued(ids, { orderKey: "inventory/TEA-0002" }));
      assertEquals(await claimIds(openReplica()), [elsewhere.id]);
      await store.settleOutbox({ confirmed: [first.id], failed: [] });
      assertEquals(await claimIds(openReplica()), [later.id]);
    },
  },
  {
    name: "waits 1 s after a failure, doubling to 1 min",
    run: async (subject) => {
      const { store, ids } = subject;
      const row = await put(store, queued(ids, { kind: "event" }));
      for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
        await claimIds(store);
        await store.settleOutbox({ confirmed: [], failed: [row.id] });
        await subject.advance(waitMs - 500);
        assertEquals(await claimIds(store), []);
        await subject.advance(500);
        assertEquals(await claimIds(store), [row.id]);
      }
    },
  },
  {
    name: "ignores a failure that is reported after the confirm",
    run: async ({ store, advance, ids }) => {
      const [command, later] = [queued(ids), queued(ids)];
      await store.commit(writing({ outbox: [command, later] }));
      await store.settleOutbox({ confirmed: [command.id], failed: [] });
      await store.settleOutbox({ confirmed: [], failed: [command.id] });
      assertEquals(await claimIds(store), [later.id]);
      await advance(30_000);
      assertEquals(await claimIds(store), [command.id, later.id]);
    },
  },
  {
    name: "makes every row due when the outbox is redriven",
    run: async ({ store, ids }) => {
      const [confirmed, claimed] = [queued(ids), queued(ids)];
      await store.commit(writing({ outbox: [confirmed, claimed] }));
      await claimIds(store, dayMs);
      await store.settleOutbox({ confirmed: [confirmed.id], failed: [] });
      assertEquals(await store.redriveOutbox(), 2);
      assertEquals(await claimIds(store), [confirmed.id, claimed.id]);
    },
  },
  {
    name: "makes the rows of one order key due now, and leaves the others alone",
    run: async ({ store, ids }) => {
      const [wanted, other] = [queued(ids, { orderKey: "orchestrator/a" }), queued(ids)];
      await store.commit(writing({ outbox: [wanted, other] }));
      await claimIds(store, dayMs);
      assertEquals(await store.redriveOutbox("orchestrator/a"), 1);
      assertEquals(await claimIds(store), [wanted.id]);
    },
  },
  {
    name: "tells what a stream has asked and nobody has answered",
    run: async ({ store, ids, advance }) => {
      const mine = { orderKey: "orchestrator/a" };
      const [first, second, event] = [queued(ids, mine), queued(ids, mine), queued(ids, { ...mine, kind: "retry" })];
      await store.commit(writing({ outbox: [first, second, event, queued(ids)] }));
      await advance(1_000);
      await store.settleOutbox({ confirmed: [first.id], failed: [] });
      const listed = await store.listUnanswered("orchestrator/a", 9);
      assertEquals(listed.map(({ messageId, type, sentCount }) => [messageId, type, sentCount]), [
        [first.messageId, first.type, 1],
        [second.messageId, second.type, 0],
      ]);
      const [sent, unsent] = listed;
      ok(sent!.nextAtMs >= sent!.createdAtMs + 31_000);
      assertEquals(unsent!.nextAtMs, unsent!.createdAtMs);
      assertEquals(await store.listUnanswered("orchestrator/a", 1), [sent]);
      await store.commit(writing({ answered: [first.messageId, second.messageId] }));
      assertEquals(await store.listUnanswered("orchestrator/a", 9), []);
    },
  },
  {
    name: "sends a command for 30 days and then asks for attention, holding up nothing",
    run: async (subject) => {
      const { store, ids } = subject;
      const command = await put(store, queued(ids));
      await store.settleOutbox({ confirmed: [], failed: [command.id] });
      await subject.advance(30 * dayMs - 1_000);
      assertEquals(await claimIds(store, 0), [command.id]);
      assertEquals((await store.readStatus()).needsAttentionCount, 0);
      await subject.advance(2_000);
      const later = await put(store, queued(ids));
      assertEquals(await claimIds(store), [later.id]);
      assertEquals((await store.readStatus()).needsAttentionCount, 1);
    },
  },
  {
    name: "queues stored answers again byte for byte under a new row id, at most once in 5 s",
    run: async (subject) => {
      const { store, ids } = subject;
      const [command, unanswered] = [ids.next(), ids.next()];
      const answer = await putAnswer(subject, [command]);
      await store.settleOutbox({ confirmed: [answer.id], failed: [] });
      const id = ids.next();
      assertEquals(await store.requeueAnswers([command, unanswered], () => id), [{ ...answer, id }]);
      assertEquals(await store.requeueAnswers([command], ids.next), []);
      assertEquals(await store.claimOutbox({ limit: 9, olderThanMs: 0, leaseMs: 1 }), [{ ...answer, id }]);
      await subject.advance(5_000);
      assertEquals((await store.requeueAnswers([command], ids.next)).map(({ envelope }) => envelope), [
        answer.envelope,
      ]);
    },
  },
  {
    name: "queues an event that answers several commands once",
    run: async (subject) => {
      const commands = [subject.ids.next(), subject.ids.next()];
      const answer = await putAnswer(subject, commands);
      const entries = await subject.store.requeueAnswers(commands, subject.ids.next);
      assertEquals(entries.map(({ messageId }) => messageId), [answer.messageId]);
    },
  },
  {
    name: "reports the outbox: how many rows, how old the oldest is, and the oldest unconfirmed one",
    run: async (subject) => {
      const { store, ids } = subject;
      const row = await put(store, queued(ids));
      await subject.advance(60_000);
      await put(store, queued(ids));
      const before = await store.readStatus();
      assertEquals([before.outboxCount, Math.floor(before.outboxOldestMs / 10_000)], [2, 6]);
      await store.settleOutbox({ confirmed: [row.id], failed: [] });
      const after = await store.readStatus();
      assertEquals([after.outboxCount, Math.floor(after.outboxOldestMs / 10_000)], [2, 0]);
      assertEquals([before, after].map(({ unansweredOldestMs }) => Math.floor(unansweredOldestMs / 10_000)), [6, 6]);
    },
  },
];

type Row = ReturnType<typeof queued>;

async function put(store: Store, row: Row): Promise<Row> {
  await store.commit(writing({ outbox: [row] }));
  return row;
}

async function putAnswer({ store, ids }: StoreSubject, re: readonly string[]): Promise<Row> {
  const event = makeEvent(ids, { stream, version: 1 }, { re });
  const row = publishing(ids, event);
  await store.commit(writing({ expected: [{ stream, version: 0 }], events: [event], outbox: [row] }));
  return row;
}
