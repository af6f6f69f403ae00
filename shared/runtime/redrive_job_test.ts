import { deepStrictEqual as assertEquals, ok as assert, rejects as assertRejects } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import { defineProjection } from "./projection.ts";
import {
  actsOf,
  by,
  everything,
  itemsOf,
  operationsOf,
  start,
  statesOf,
  statusOf,
  untilStatus,
  worldWith,
} from "./redrive_fixture.ts";
import { RedriveLimits } from "./redrive_terms.ts";
import { askerService, Break, Count, World } from "./test_world.ts";

Deno.test("a redrive takes what it was started with in growing batches, to its end, and every step is a signed event", async () => {
  await using world = await worldWith(7);
  world.mood.isBroken = false;

  const id = await start(world);
  await untilStatus(world, id, "done");

  const items = await itemsOf(world, id);
  assertEquals(
    items.map(({ state, batch }) => [state, batch]),
    [1, 2, 2, 3, 3, 3, 3].map((batch) => ["handled", batch]),
  );
  // The next batch begins when the last message of the one before has its outcome.
  const begins = [1, 2, 3].map((batch) =>
    Math.min(...items.filter((item) => item.batch === batch).map(({ takenAtMs }) => takenAtMs!))
  );
  const ends = [1, 2].map((batch) =>
    Math.max(...items.filter((item) => item.batch === batch).map(({ endedAtMs }) => endedAtMs!))
  );
  assert(begins[1]! >= ends[0]! && begins[2]! >= ends[1]!);
  const repaired = world.heard.filter(({ type }) => type === "counter.repaired");
  assertEquals(repaired.map(({ key }) => key).sort(), ["k0", "k1", "k2", "k3", "k4", "k5", "k6"]);
  const acts = await actsOf(world);
  const letterIds = items.map(({ letterId }) => letterId);
  assertEquals(acts[0], {
    ...acts[0]!,
    action: "redrive-started",
    reason: "glue is back",
    subjects: [id, ...letterIds],
  });
  const taken = acts.filter(({ action }) => action === "dead-letter-redriven");
  assertEquals(taken.flatMap(({ subjects }) => subjects.slice(1)), letterIds);
  assert(taken.every(({ subjects, who }) => subjects[0] === id && who.sub === "operator-1"));
  assertEquals([acts.at(-1)?.action, acts.at(-1)?.reason, acts.at(-1)?.who.sub], [
    "redrive-done",
    "7 handled, 0 dead again, 0 unknown, 0 refused",
    "service:counter",
  ]);
});

Deno.test("a redrive whose messages die again stops by itself after a few single ones, and goes on when it is resumed", async () => {
  await using world = await worldWith(9);

  const id = await start(world);
  await untilStatus(world, id, "stopped");

  assertEquals(await statusOf(world, id), "stopped: 5 of 5 messages died again or were not heard of");
  const stopped = await itemsOf(world, id);
  assertEquals(stopped.map(({ state }) => state), [
    ...Array<string>(5).fill("dead-again"),
    ...Array<string>(4).fill("waiting"),
  ]);
  assertEquals([...new Set(stopped.slice(0, 5).map(({ why }) => why))], ["dependency.unavailable"]);
  const [first] = stopped;
  assertEquals((await operationsOf(world).findDeadLetter(first!.laterId!))?.messageId, first!.messageId);
  assertEquals((await actsOf(world)).at(-1)?.action, "redrive-stopped");

  world.mood.isBroken = false;
  await operationsOf(world).steerRedrive(id, "resume", { reason: "glue at last", by });
  await untilStatus(world, id, "done");
  assertEquals((await itemsOf(world, id)).slice(5).map(({ state, batch }) => [state, batch]), [
    ["handled", 6],
    ["handled", 7],
    ["handled", 7],
    ["handled", 8],
  ]);
});

Deno.test("a redrive never takes what died after it began, nor what somebody else has dealt with meanwhile", async () => {
  await using world = await worldWith(4);
  const { operations } = world.service("counter");
  const letters = (await operations.listDeadLetters({ limit: 9, isOldestFirst: true })).map(({ id }) => id);
  world.mood.isBroken = false;
  // Ten seconds between two messages leave time for what follows.
  const id = await start(world, { ratePerSecond: 0.1 });
  await world.until("the first is taken", async () => (await statesOf(world, id)).includes("taken"));
  await world.until("it is through", () => world.heard.some(({ type }) => type === "counter.repaired"));

  world.mood.isBroken = true;
  const late = await world.service("asker").send(Break({ id: "late" }));
  const isDead = async () =>
    (await operations.listDeadLetters({ status: "dead", limit: 9 })).some(({ messageId }) => messageId === late);
  await world.until("another has died", isDead);
  world.mood.isBroken = false;
  await operations.settleDeadLetters([letters[1]!], "discarded", "not wanted", by);
  await operations.settleDeadLetters([letters[2]!], "redriven", "one by hand", by);
  await untilStatus(world, id, "done");

  const items = await itemsOf(world, id);
  assertEquals(items.map(({ letterId, state, why }) => [letterId, state, why]), [
    [letters[0], "handled", ""],
    [letters[1], "refused", "not-dead"],
    [letters[2], "refused", "not-dead"],
    [letters[3], "handled", ""],
  ]);
  assertEquals([items[1]!.detail, await isDead()], ["it is discarded", true]);
});

Deno.test("a redrive keeps to its rate", async () => {
  await using world = await worldWith(12);
  world.mood.isBroken = false;

  const id = await start(world, { ratePerSecond: 2 });
  await untilStatus(world, id, "done");

  const times = (await itemsOf(world, id)).map(({ takenAtMs }) => takenAtMs!).sort((a, b) => a - b);
  const mostInASecond = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
  assertEquals([times.length, mostInASecond], [12, 2]);
});

Deno.test("a redrive passes over what would put too much of one flow under way, and comes back to it", async () => {
  const mostUnderWay = async (perCorrelationMax: number, ratePerSecond: number) => {
    await using world = await worldWith(8, (at) => at < 5 ? "order-1" : `flow-${at}`);
    world.mood.isBroken = false;
    const id = await start(world, { perCorrelationMax, ratePerSecond });
    let [most, handledAtMs] = [0, Infinity];
    await world.until("the redrive is done", async () => {
      const items = await itemsOf(world, id);
      const underWay = items.filter(({ state, correlation }) => state === "taken" && correlation === "order-1");
      most = Math.max(most, underWay.length);
      // For two seconds after the first one nothing goes through, and nothing has died yet: outcomes are slow.
      if (items.some(({ state }) => state === "handled")) handledAtMs = Math.min(handledAtMs, world.clock.nowMs());
      world.mood.isBroken = world.clock.nowMs() >= handledAtMs && world.clock.nowMs() < handledAtMs + 2_000;
      return await statusOf(world, id) === "done";
    }, 600_000);
    assertEquals([...new Set(await statesOf(world, id))], ["handled"]);
    return most;
  };

  // All of a batch at once, and one message of it after the other.
  assertEquals([await mostUnderWay(1, 100), await mostUnderWay(2, 100), await mostUnderWay(1, 2)], [1, 2, 1]);
});

Deno.test("a redrive goes on after the service has died, and takes nothing twice", async () => {
  await using world = await worldWith(12);
  world.mood.isBroken = false;
  const id = await start(world, { ratePerSecond: 5 });
  for (const atLeast of [2, 5]) {
    await world.until(`${atLeast} are taken`, async () => {
      return (await statesOf(world, id)).filter((state) => state !== "waiting").length >= atLeast;
    }, 600_000);
    await world.crash("counter");
    await world.startCounter();
  }

  await untilStatus(world, id, "done");

  assertEquals([...new Set(await statesOf(world, id))], ["handled"]);
  const taken = (await actsOf(world)).filter(({ action }) => action === "dead-letter-redriven");
  const subjects = taken.flatMap((act) => act.subjects.slice(1));
  assertEquals([subjects.length, new Set(subjects).size], [12, 12]);
});

Deno.test("a redrive is held, goes on and is ended by operators; what is under way is observed to its end", async () => {
  await using world = await worldWith(6);
  world.mood.isBroken = false;
  const { operations } = world.service("counter");
  const steer = (act: "pause" | "resume" | "cancel") =>
    operations.steerRedrive(id, act, { reason: `please ${act}`, by });
  const id = await start(world, { batchMax: 1 });
  await world.until("one is taken", async () => (await statesOf(world, id)).includes("taken"));

  await steer("pause");
  await world.until("its outcome is known", async () => !(await statesOf(world, id)).includes("taken"));
  const held = await statesOf(world, id);
  await world.clock.advance(120_000);
  assertEquals([await statesOf(world, id), await statusOf(world, id)], [held, "paused: please pause"]);
  await assertRejects(steer("pause"), {
    code: "store.conflict",
    message: `Cannot pause redrive "${id}": it is paused`,
  });

  await steer("resume");
  await world.until("another is taken", async () => (await statesOf(world, id)).includes("taken"));
  await steer("cancel");
  await world.until("its outcome is known", async () => !(await statesOf(world, id)).includes("taken"));
  const states = await statesOf(world, id);
  await world.clock.advance(120_000);
  assertEquals([await statesOf(world, id), await statusOf(world, id)], [states, "cancelled: please cancel"]);
  assertEquals([...new Set(states)].sort(), ["handled", "waiting"]);
  for (const act of ["pause", "resume", "cancel"] as const) await assertRejects(steer(act), { code: "store.conflict" });
  assertEquals(await operations.steerRedrive(world.ids.next(), "pause", { reason: "none", by }), undefined);
  const acts = (await actsOf(world)).map(({ action }) => action).filter((action) => action.startsWith("redrive-"));
  assertEquals(acts, ["redrive-started", "redrive-paused", "redrive-resumed", "redrive-cancelled"]);
});

Deno.test("a message that nothing is heard of counts as failed", async () => {
  await using world = await worldWith(1);
  world.mood.isBroken = false;
  const id = await start(world, { outcomeWithinMs: 1_000, sampleMin: 1 });
  // The road loses it, and its sender is not there to say it again.
  await world.crash("asker");
  await world.until("it is taken", async () => (await statesOf(world, id)).includes("taken"));
  world.server.wipe();
  await world.loadTopology();

  await untilStatus(world, id, "stopped");

  assertEquals((await itemsOf(world, id)).map(({ state, why }) => [state, why]), [["unknown", "silence"]]);
});

Deno.test("a redrive of what holds up a lane lets the lane go when it is handled", async () => {
  await using world = await worldWith(1, () => "flow");
  await world.service("asker").send(Count({ id: "k0" }), { correlation: "flow" });
  const { operations } = world.service("counter");
  const parked = async () => (await operations.listLanes()).map(({ state, parkedCount }) => [state, parkedCount]);
  await world.until("the next one is parked", async () => (await parked())[0]?.[1] === 1);
  assertEquals(await parked(), [["dead", 1]]);
  world.mood.isBroken = false;

  const id = await start(world);
  await untilStatus(world, id, "done");
  await world.until("the lane is open", async () => (await parked()).length === 0);

  const heard = world.heard.map(({ type }) => type);
  assertEquals([await statesOf(world, id), heard], [["handled"], ["counter.repaired", "counter.counted"]]);
});

Deno.test("a redrive at a service that only projects hears of its messages by their rows", async () => {
  const mood = { isBroken: true };
  const totals = defineProjection<number>({
    name: "totals",
    subscribes: askerService.subscribes.map(({ event }) => event),
    keyOf: ({ key }) => key,
    initialRow: () => 0,
    apply: (row) => {
      if (mood.isBroken) throw new UnavailableError("Cannot count: out of fingers", { dependency: "fingers" });
      return row + 1;
    },
    ownerOf: () => "",
    sortOf: (_row, key) => key,
  });
  await using world = await World.open();
  await world.startCounter();
  await world.startReader([totals]);
  for (const id of ["a", "b", "c"]) await world.service("asker").send(Count({ id }));
  await world.until("all are dead", async () => (await world.store("asker").readStatus()).deadLetterCount === 3);
  const { operations } = world.service("asker");
  mood.isBroken = false;
  const limits = RedriveLimits.parse({ ratePerSecond: 100 });

  const redrive = await operations.startRedrive({ selection: everything, limits, reason: "fingers are back" }, by);
  const id = redrive!.id;
  await world.until("the redrive is done", async () => (await operations.findRedrive(id))?.status === "done", 600_000);

  assertEquals((await operations.findRedrive(id))?.counts.handled, 3);
  const rows = await world.store("asker").listRows({ projection: "totals", generation: 1, limit: 9 });
  assertEquals(rows.map(({ key, row }) => [key, row]), [["c", 1], ["b", 1], ["a", 1]]);
  const { deadLetters } = world.databases.asker.tables;
  const [first] = deadLetters.values();
  deadLetters.set(first!.id, { ...first!, status: "dead" });
  const { verdicts } = await operations.forecastRedrive(everything);
  assertEquals(verdicts.map(({ why }) => why), ["already-handled"]);
});
