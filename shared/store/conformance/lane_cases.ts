import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { IdSource } from "@mesh/base";
import { type LaneHead, lanesMark, type LaneWrites, type ParkedMessage } from "../lane.ts";
import type { Store } from "../store.ts";
import { handled, makeDeadLetter, makeEvent, type StoreCase, writing } from "./subject.ts";

const lane = "inventory/TEA-0001~order-1";
const other = "inventory/TEA-0002~order-1";

/** Promises of lanes: what waits behind a message that failed. */
export const laneCases: readonly StoreCase[] = [
  {
    name: "knows no lane at the beginning, and keeps a turn that goes by that",
    run: async ({ store, ids }) => {
      const { version, lanes } = await store.readLanes();
      assertEquals(lanes, []);
      const result = await store.commit(writing({ inbox: [handled(ids.next())], lanes: changing(version, {}) }));
      assertEquals(result.outcome, "committed");
      assertEquals((await store.readLanes()).version, version);
    },
  },
  {
    name: "closes a lane with its head, parks what comes behind it in order, and tells all of it",
    run: async ({ store, ids }) => {
      const [head, first, second] = [headOf(ids), parkedOf(ids), parkedOf(ids)];
      const elsewhere = parkedOf(ids, { lane: other });
      await change(store, { closed: [head], parked: [second] });
      await change(store, { closed: [headOf(ids, { lane: other })], parked: [first, elsewhere] });
      const { lanes } = await store.readLanes();
      assertEquals(lanes.map((found) => [found.lane, found.state, found.reason, found.parkedCount]).sort(), [
        [lane, "retry", "unavailable", 2],
        [other, "retry", "unavailable", 1],
      ]);
      const { lane: _lane, reason: _reason, dueAtMs, ...held } = head;
      const found = lanes.find((found) => found.lane === lane);
      assertEquals([found?.head, found?.dueAtMs], [held, dueAtMs]);
      assertEquals(await store.readParked(lane, 9), [second, first]);
      assertEquals(await store.readParked(lane, 1), [second]);
      assertEquals((await store.readParked(other, 9)).length, 1);
      const { closedLaneCount, parkedCount } = await store.readStatus();
      assertEquals([closedLaneCount, parkedCount], [2, 3]);
    },
  },
  {
    name: "writes nothing of a turn that went by another version of the lanes",
    run: async ({ store, openReplica, ids }) => {
      const { version } = await store.readLanes();
      const id = ids.next();
      await change(openReplica(), { closed: [headOf(ids)] });
      for (const lanes of [changing(version, {}), changing(version, { parked: [parkedOf(ids)] })]) {
        const result = await store.commit(writing({ inbox: [handled(id)], lanes }));
        assertEquals(result, { outcome: "conflict", duplicates: [], stale: [lanesMark] });
      }
      assertEquals(await store.findHandled("inventory", [id]), new Set());
      assertEquals(await store.readParked(lane, 9), []);
    },
  },
  {
    name: "lets one of two turns change the lanes that went by the same version",
    run: async ({ store, openReplica, ids }) => {
      const { version } = await store.readLanes();
      const turn = () => writing({ lanes: changing(version, { closed: [headOf(ids)], parked: [parkedOf(ids)] }) });
      const results = await Promise.all([store.commit(turn()), openReplica().commit(turn())]);
      assertEquals(results.map(({ outcome }) => outcome).sort(), ["committed", "conflict"]);
      assertEquals((await store.readParked(lane, 9)).length, 1);
    },
  },
  {
    name: "has what is parked for known, and what is its head not",
    run: async ({ store, ids }) => {
      const [head, parked] = [headOf(ids), parkedOf(ids)];
      await change(store, { closed: [head], parked: [parked] });
      const found = await store.findHandled("inventory", [head.messageId, parked.messageId, ids.next()]);
      assertEquals(found, new Set([parked.messageId]));
    },
  },
  {
    name: "keeps the place of a message that is parked again",
    run: async ({ store, ids }) => {
      const [first, second] = [parkedOf(ids), parkedOf(ids)];
      await change(store, { closed: [headOf(ids)], parked: [first, second] });
      await change(store, { parked: [{ ...first, attempt: 2 }] });
      assertEquals(await store.readParked(lane, 9), [first, second]);
    },
  },
  {
    name: "opens a lane at once where nothing is parked, and else lets it go message by message",
    run: async ({ store, ids }) => {
      const parked = [parkedOf(ids), parkedOf(ids)];
      await change(store, { closed: [headOf(ids), headOf(ids, { lane: other })], parked });
      await change(store, { opened: [lane, other, "unknown"] });
      const states = async () => (await store.readLanes()).lanes.map((found) => [found.lane, found.state]);
      assertEquals(await states(), [[lane, "releasing"]]);
      await change(store, { unparked: [parked[0]!] });
      assertEquals([await states(), await store.readParked(lane, 9)], [[[lane, "releasing"]], [parked[1]]]);
      await change(store, { unparked: [parked[1]!] });
      assertEquals(await states(), []);
    },
  },
  {
    name: "closes a lane again with the parked message that fails",
    run: async ({ store, ids }) => {
      const parked = [parkedOf(ids), parkedOf(ids)];
      await change(store, { closed: [headOf(ids)], parked });
      const closedAtMs = (await store.readLanes()).lanes[0]?.closedAtMs;
      await change(store, { opened: [lane] });
      await change(store, {
        closed: [{ ...parked[0]!, reason: "defect", attempt: 2, dueAtMs: 2_000 }],
        unparked: [parked[0]!],
      });
      const [found] = (await store.readLanes()).lanes;
      assertEquals(
        [
          found?.state,
          found?.head.messageId,
          found?.head.attempt,
          found?.reason,
          found?.closedAtMs,
          found?.parkedCount,
        ],
        ["retry", parked[0]!.messageId, 2, "defect", closedAtMs, 1],
      );
    },
  },
  {
    name: "says that a lane's head is dead once it lies among the dead letters, unless anybody could have sent that",
    run: async ({ store, ids }) => {
      const head = headOf(ids);
      const dead = makeDeadLetter(ids, { messageId: head.messageId, class: "exhausted" });
      await store.commit(writing({ deadLetters: [dead], lanes: await changed(store, { closed: [head] }) }));
      const [found] = (await store.readLanes()).lanes;
      assertEquals([found?.state, found?.deadLetterId], ["dead", dead.id]);

      const waiting = headOf(ids, { lane: other });
      await change(store, { closed: [waiting] });
      for (const className of ["untrusted", "broker"] as const) {
        const letter = makeDeadLetter(ids, { messageId: waiting.messageId, class: className });
        await store.commit(writing({ deadLetters: [letter] }));
        const states = (await store.readLanes()).lanes.map(({ state }) => state);
        assertEquals(states, ["dead", className === "untrusted" ? "retry" : "dead"]);
      }
    },
  },
  {
    name: "lets a lane go on without its dead head when that is discarded, and wait for it when it is redriven",
    run: async ({ store, ids }) => {
      const [head, second] = [headOf(ids), headOf(ids, { lane: other })];
      const letters = [head, second].map(({ messageId }) => makeDeadLetter(ids, { messageId }));
      const parked = [parkedOf(ids), parkedOf(ids, { lane: other })];
      await store.commit(
        writing({ deadLetters: letters, lanes: await changed(store, { closed: [head, second], parked }) }),
      );
      const { version } = await store.readLanes();
      const nowMs = await store.nowMs();
      await store.settleDeadLetters([
        { id: letters[0]!.id, status: "discarded" },
        { id: letters[1]!.id, status: "redriven" },
      ], writing({}));
      const after = await store.readLanes();
      const waiting = after.lanes.find((found) => found.lane === other);
      assertEquals([after.version > version, waiting !== undefined && waiting.dueAtMs >= nowMs], [true, true]);
      assertEquals(after.lanes.map((found) => [found.lane, found.state, found.deadLetterId]).sort(), [
        [lane, "releasing", undefined],
        [other, "retry", undefined],
      ]);
    },
  },
  {
    name: "refuses two heads of one lane, and a parked message that is named twice",
    run: async ({ store, ids }) => {
      const parked = parkedOf(ids);
      for (const some of [{ closed: [headOf(ids), headOf(ids)] }, { parked: [parked, parked] }]) {
        const lanes = await changed(store, some);
        const stream = "inventory/TEA-0001";
        const event = makeEvent(ids, { stream, version: 1 });
        const error = await store.commit(writing({ expected: [{ stream, version: 0 }], events: [event], lanes })).then(
          () => undefined,
          (reason) => reason.name,
        );
        assertEquals(error, "DefectError");
      }
    },
  },
];

function headOf(ids: IdSource, some: Partial<LaneHead> = {}): LaneHead {
  return { ...parkedOf(ids), reason: "unavailable", dueAtMs: 1_000, ...some };
}

function parkedOf(ids: IdSource, some: Partial<ParkedMessage> = {}): ParkedMessage {
  return {
    lane,
    messageId: ids.next(),
    digest: "digest",
    type: "inventory.reserve-stock",
    correlation: "order-1",
    queue: "inventory.in.p0",
    attempt: 1,
    userId: "orchestrator",
    headers: { traceparent: '00-"\\-01' },
    envelope: "envelope",
    ...some,
  };
}

function changing(version: number, some: Partial<LaneWrites>): LaneWrites {
  return { version, closed: [], opened: [], parked: [], unparked: [], ...some };
}

async function changed(store: Store, some: Partial<LaneWrites>): Promise<LaneWrites> {
  return changing((await store.readLanes()).version, some);
}

async function change(store: Store, some: Partial<LaneWrites>): Promise<void> {
  assertEquals((await store.commit(writing({ lanes: await changed(store, some) }))).outcome, "committed");
}
