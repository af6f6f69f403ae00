import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { Json } from "@mesh/base";
import type { ClaimedEffect, DueTimer, Store } from "../store.ts";
import { awkwardJson, claimIds, makeEffect, makeEvent, queued, type StoreCase, writing } from "./subject.ts";

const stream = "payments/order-1";
const other = "payments/order-2";
const dayMs = 86_400_000;

/** Promises of timers, effects, and the list of streams with open work. */
export const workCases: readonly StoreCase[] = [
  {
    name: "shows a timer when it is due and not before",
    run: async ({ store, advance }) => {
      const nowMs = await store.nowMs();
      await setTimer(store, other, nowMs + 120_000);
      await setTimer(store, stream, nowMs + 60_000);
      await advance(59_000);
      assertEquals(await store.readDueTimers(9), []);
      await advance(120_000);
      assertEquals((await store.readDueTimers(9)).map((timer) => timer.stream), [stream, other]);
      assertEquals((await store.readDueTimers(1)).map((timer) => timer.stream), [stream]);
    },
  },
  {
    name: "fires a timer once, whoever tries",
    run: async ({ store, openReplica, ids }) => {
      await setTimer(store, stream, 1_000);
      const timers = await store.readDueTimers(9);
      const firings = () => timers.map((timer) => ({ timer, entry: queued(ids) }));
      const fired = await Promise.all([store.fireTimers(firings()), openReplica().fireTimers(firings())]);
      assertEquals(fired.flat().map(({ id }) => id), await claimIds(store));
      assertEquals([fired.flat().length, (await store.readDueTimers(9)).length], [1, 0]);
    },
  },
  {
    name: "does not fire a timer that was replaced or removed since it was read",
    run: async ({ store, ids }) => {
      for (const dueAtMs of [2_000, null]) {
        await setTimer(store, stream, 1_000);
        const [timer] = await store.readDueTimers(9);
        await setTimer(store, stream, dueAtMs);
        assertEquals(await store.fireTimers([{ timer: timer!, entry: queued(ids) }]), []);
      }
      assertEquals(await claimIds(store), []);
      assertEquals(await store.readDueTimers(9), []);
    },
  },
  {
    name: "arms a fired timer again when it is set to another time, not when it is set to the same",
    run: async ({ store, ids }) => {
      await setTimer(store, stream, 1_000);
      const [timer] = await store.readDueTimers(9);
      await store.fireTimers([{ timer: timer!, entry: queued(ids) }]);
      await setTimer(store, stream, timer!.dueAtMs);
      assertEquals(await store.readDueTimers(9), []);
      await setTimer(store, stream, 2_000);
      assertEquals(await store.readDueTimers(9), [{ stream, dueAtMs: 2_000 }]);
      assertEquals((await store.readStatus()).timerCount, 1);
    },
  },
  {
    name: "lists timers, the next one first, page by page, with those that were fired",
    run: async ({ store, ids }) => {
      for (const [name, dueAtMs] of [[other, 3_000], ["payments/order-0", 3_000], [stream, 1_000]] as const) {
        await setTimer(store, name, dueAtMs);
      }
      await setTimer(store, "audit/order-1", 2_000);
      const [next] = await store.readDueTimers(1);
      await store.fireTimers([{ timer: next!, entry: queued(ids) }]);
      const all = await store.listTimers({ prefix: "payments/", limit: 9 });
      assertEquals(all.map((timer) => [timer.stream, timer.dueAtMs, timer.firedAtMs === null]), [
        [stream, 1_000, false],
        ["payments/order-0", 3_000, true],
        [other, 3_000, true],
      ]);
      const rest = async (query: { dueBeforeMs?: number; stream?: string; after?: DueTimer; limit?: number }) =>
        (await store.listTimers({ prefix: "", limit: 9, ...query })).map((timer) => timer.stream);
      assertEquals(await rest({ limit: 2 }), [stream, "audit/order-1"]);
      assertEquals(await rest({ after: all[1]! }), [other]);
      assertEquals(await rest({ dueBeforeMs: 3_000 }), [stream, "audit/order-1"]);
      assertEquals(await rest({ stream: "payments/order" }), []);
      assertEquals(await rest({ stream: other }), [other]);
    },
  },
  {
    name: "hands out the oldest effect of each stream, whole, within the limits of its dependency",
    run: async ({ store }) => {
      const effects = [
        makeEffect(stream, 0),
        makeEffect(stream, 1),
        makeEffect(other, 0),
        makeEffect("payments/order-3", 0),
        makeEffect("payments/order-4", 0, { dependency: "carrier" }),
        makeEffect("payments/order-5", 0, { dependency: "not asked for" }),
      ];
      await store.commit(writing({ effects }));
      const claimed = await store.claimEffects({
        limits: { provider: 2, carrier: 5, closed: 0 },
        leaseMs: 60_000,
        by: 0,
      });
      const expected = [0, 2, 4].map((at) => ({ ...effects[at]!, attempt: 1, leaseEpoch: 1 }));
      assertEquals(claimed, expected);
      const rest = await store.claimEffects({ limits: { provider: 9 }, leaseMs: 60_000, by: 0 });
      assertEquals(rest.map(({ id }) => id), [effects[3]!.id]);
      assertEquals((await store.readStatus()).openEffectCount, 6);
    },
  },
  {
    name: "ends an effect together with queueing its outcome, which frees the next of the stream",
    run: async ({ store, ids }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0), makeEffect(stream, 1)] }));
      const effect = await claimOne(store);
      const outcome = queued(ids);
      assertEquals(await store.finishEffect(effect, outcome), true);
      assertEquals(await claimIds(store), [outcome.id]);
      assertEquals((await claimOne(store)).id, makeEffect(stream, 1).id);
    },
  },
  {
    name: "ends an effect together with the turn that records its outcome, and what it supersedes with it",
    run: async ({ store, ids }) => {
      const slow = makeEffect(stream, 0, { effect: "authorize" });
      const undo = makeEffect(stream, 1, { effect: "void", supersedes: ["authorize"] });
      await store.commit(writing({ effects: [slow, undo, makeEffect(other, 0)] }));
      const claimed = await store.claimEffects({ limits: { provider: 9 }, leaseMs: 60_000, by: 0 });
      assertEquals(claimed.map(({ id }) => id), [undo.id, makeEffect(other, 0).id]);
      const event = makeEvent(ids, { stream, version: 1 });
      const result = await store.commit(writing({
        expected: [{ stream, version: 0 }],
        events: [event],
        effects: [makeEffect(stream, 2)],
        endedEffects: claimed,
      }));
      assertEquals(result.outcome, "committed");
      assertEquals((await store.readStatus()).openEffectCount, 1);
      assertEquals((await claimOne(store)).id, makeEffect(stream, 2).id);
    },
  },
  {
    name: "writes nothing of a turn that ends an effect whose lease was lost, and says which one it was",
    run: async ({ store, openReplica, advance, ids }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0)] }));
      const lost = await claimOne(store, 10_000);
      await advance(10_000);
      const held = await claimOne(openReplica(), 10_000);
      const turn = (endedEffects: readonly ClaimedEffect[]) =>
        writing({
          expected: [{ stream, version: 0 }],
          events: [makeEvent(ids, { stream, version: 1 })],
          endedEffects,
        });
      assertEquals(await store.commit(turn([lost])), { outcome: "conflict", duplicates: [], stale: [lost.id] });
      assertEquals((await store.readStatus()).openEffectCount, 1);
      assertEquals((await store.commit(turn([held]))).outcome, "committed");
      const [state] = await store.loadStreams([stream], "1");
      assertEquals(state?.version, 1);
    },
  },
  {
    name: "gives an effect to another when its lease has run out, and then refuses the first",
    run: async ({ store, openReplica, advance, ids }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0)] }));
      const lost = await claimOne(store, 10_000);
      assertEquals(await store.claimEffects({ limits: { provider: 1 }, leaseMs: 10_000, by: 0 }), []);
      await advance(10_000);
      const held = await claimOne(openReplica(), 10_000);
      assertEquals([held.attempt, held.leaseEpoch], [2, 2]);
      assertEquals(await store.finishEffect(lost, queued(ids)), false);
      await store.releaseEffect(lost, { retryInMs: 0, error: "too late", mayArrive: false });
      assertEquals([await claimIds(store), await store.claimEffects({ limits: { provider: 1 }, leaseMs: 1, by: 0 })], [
        [],
        [],
      ]);
      assertEquals(await store.finishEffect(held, queued(ids)), true);
      assertEquals(await store.finishEffect(held, queued(ids)), false);
    },
  },
  {
    name: "frees what a replica holds when its next run begins, and what it holds itself for nobody else",
    run: async ({ store, openReplica, ids }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0), makeEffect(stream, 1), makeEffect(other, 0)] }));
      const claim = (by: number, places: number) =>
        store.claimEffects({ limits: { provider: places }, leaseMs: dayMs, by });
      const [lost] = await claim(0, 1);
      const [kept] = await openReplica().claimEffects({ limits: { provider: 1 }, leaseMs: dayMs, by: 1 });
      assertEquals([lost?.stream, kept?.stream], [stream, other]);
      for (const [ordinal, note] of [[0, "steady"], [0, "stopped"], [2, "begun"]] as const) {
        await store.noteRun(ordinal, note);
      }
      assertEquals(await claim(0, 9), []);

      await store.noteRun(0, "begun");
      assertEquals((await claim(0, 9)).map(({ id, attempt, leaseEpoch }) => [id, attempt, leaseEpoch]), [[
        makeEffect(stream, 0).id,
        2,
        2,
      ]]);
      assertEquals([await claim(0, 9), await store.finishEffect(lost!, queued(ids))], [[], false]);
      assertEquals(await store.finishEffect(kept!, queued(ids)), true);
    },
  },
  {
    name: "lets a call that may still arrive block the effect that supersedes it until the lease has run out",
    run: async ({ store, advance }) => {
      const given = (of: string) =>
        [
          makeEffect(of, 0, { effect: "authorize" }),
          makeEffect(of, 1, { effect: "void", supersedes: ["authorize"] }),
        ] as const;
      const [[slow, undo], [died, undone]] = [given(stream), given(other)];
      await store.commit(writing({ effects: [slow, died] }));
      const claim = () => store.claimEffects({ limits: { provider: 9 }, leaseMs: 10_000, by: 0 });
      const [first] = await claim();
      await store.commit(writing({ effects: [undo, undone] }));
      await store.releaseEffect(first!, { retryInMs: 0, error: "no answer", mayArrive: true });
      await store.noteRun(0, "begun");
      assertEquals(await claim(), []);
      await advance(10_000);
      assertEquals((await claim()).map(({ id }) => id), [undo.id, undone.id]);
    },
  },
  {
    name: "tries what was given up without an answer again when its wait is over, whatever its lease",
    run: async ({ store, advance }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0)] }));
      await store.releaseEffect(await claimOne(store), { retryInMs: 5_000, error: "no answer", mayArrive: true });
      assertEquals(await store.claimEffects({ limits: { provider: 9 }, leaseMs: dayMs, by: 0 }), []);
      await advance(5_000);
      assertEquals((await claimOne(store)).attempt, 2);
    },
  },
  {
    name: "lets a released effect wait, and the later ones of its stream with it",
    run: async ({ store, advance }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0), makeEffect(stream, 1), makeEffect(other, 0)] }));
      const limits = { provider: 1 };
      const release = { retryInMs: 60_000, error: "the provider said \0 503", mayArrive: false };
      await store.releaseEffect(await claimOne(store), release);
      assertEquals((await store.claimEffects({ limits, leaseMs: dayMs, by: 0 })).map((effect) => effect.stream), [
        other,
      ]);
      await advance(60_000);
      assertEquals((await store.claimEffects({ limits, leaseMs: 1, by: 0 })).map(({ id, attempt }) => [id, attempt]), [
        [makeEffect(stream, 0).id, 2],
      ]);
    },
  },
  {
    name: "gives up an effect for the one that supersedes it, but lets an attempt under way end first",
    run: async ({ store, ids, advance }) => {
      const slow = makeEffect(stream, 0, { effect: "authorize" });
      const undo = makeEffect(stream, 1, { effect: "void", supersedes: ["authorize"] });
      await store.commit(writing({ effects: [slow] }));
      await claimOne(store, 10_000);
      await store.commit(writing({ effects: [undo] }));
      assertEquals(await store.claimEffects({ limits: { provider: 9 }, leaseMs: 60_000, by: 0 }), []);
      await advance(10_000);
      const claimed = await claimOne(store, 60_000);
      assertEquals([claimed.id, claimed.attempt], [undo.id, 1]);
      assertEquals(await store.finishEffect(claimed, queued(ids)), true);
      assertEquals((await store.readStatus()).openEffectCount, 0);
    },
  },
  {
    name: "reports the oldest open effect",
    run: async ({ store, advance }) => {
      await store.commit(writing({ effects: [makeEffect(stream, 0)] }));
      await advance(60_000);
      const { openEffectCount, effectOldestMs } = await store.readStatus();
      assertEquals([openEffectCount, Math.floor(effectOldestMs / 10_000)], [1, 6]);
    },
  },
  {
    name: "lists streams with a timer, an open effect or an unanswered command, the most recently moved first",
    run: async ({ store, ids }) => {
      const names = ["a/1", "a/2", "a/3", "a/4", "b/1"];
      for (const name of names) {
        const events = [makeEvent(ids, { stream: name, version: 1 })];
        await store.commit(writing({ expected: [{ stream: name, version: 0 }], events }));
      }
      await store.commit(writing({
        timers: [{ stream: "a/1", dueAtMs: 1 }, { stream: "b/1", dueAtMs: 1 }, { stream: "a/unknown", dueAtMs: 1 }],
        effects: [makeEffect("a/2", 0)],
        outbox: [queued(ids, { orderKey: "a/4" }), queued(ids, { kind: "event", orderKey: "a/3" })],
      }));
      const list = async (limit: number, after?: string) => {
        const found = await store.listStreams({ prefix: "a/", limit, ...(after === undefined ? {} : { after }) });
        return found.map(({ stream, version }) => `${stream}@${version}`);
      };
      assertEquals(await list(9), ["a/4@1", "a/2@1", "a/1@1"]);
      assertEquals(await list(1), ["a/4@1"]);
      assertEquals(await list(9, "a/4"), ["a/2@1", "a/1@1"]);
      assertEquals(await list(9, "nobody"), []);
    },
  },
  {
    name: "counts those streams, and those of them whose newest event has a flag set",
    run: async ({ store, ids }) => {
      const told = async (name: string, ...history: readonly Json[]) => {
        const events = history.map((data, at) => makeEvent(ids, { stream: name, version: at + 1 }, { data }));
        const timers = [{ stream: name, dueAtMs: 1 }];
        await store.commit(writing({ expected: [{ stream: name, version: 0 }], events, timers }));
      };
      const [up, down] = [{ before: awkwardJson, isLate: true }, { isLate: false, after: awkwardJson }];
      await told("a/up", down, up);
      await told("a/down", up, down);
      await told("a/text", { said: '"isLate":true', isLateToo: true, islate: true });
      await told("b/up", up);
      await store.commit(writing({
        timers: [{ stream: "a/text", dueAtMs: null }, { stream: "a/unknown", dueAtMs: 1 }],
        outbox: [queued(ids, { orderKey: "a/text" }), queued(ids, { orderKey: "a/up" })],
      }));
      const count = (prefix: string) => store.countStreams({ prefix, flag: "isLate" });
      assertEquals(await count("a/"), { openCount: 3, flaggedCount: 1 });
      assertEquals(await count(""), { openCount: 4, flaggedCount: 2 });
      assertEquals(await count("c/"), { openCount: 0, flaggedCount: 0 });
    },
  },
];

async function setTimer(store: Store, name: string, dueAtMs: number | null): Promise<void> {
  await store.commit(writing({ timers: [{ stream: name, dueAtMs }] }));
}

async function claimOne(store: Store, leaseMs = dayMs): Promise<ClaimedEffect> {
  const [effect] = await store.claimEffects({ limits: { provider: 1 }, leaseMs, by: 0 });
  if (effect === undefined) throw new Error("nothing to claim");
  return effect;
}
