import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import type { StoredLane } from "@mesh/store";
import { Break, Count, Uncount, World } from "./test_world.ts";

const by = { subject: "operator-1", via: "operator" };
const lane = "counter/a~flow-1";

Deno.test("what comes behind a message that waits for its retry does not overtake it; other flows and keys do", async () => {
  await using world = await openBroken();
  await send(world, Break({ id: "a" }), "flow-1");
  await send(world, Count({ id: "a" }), "flow-1");
  await send(world, Count({ id: "a" }), "flow-2");
  await send(world, Count({ id: "b" }), "flow-1");
  await world.until("others flow", () => world.heard.length === 2, 150);
  assertEquals((await lanesOf(world)).map((found) => [found.lane, found.state, found.parkedCount]), [
    [lane, "retry", 1],
  ]);

  world.mood.isBroken = false;
  await world.until("all are through", () => world.heard.length === 4);

  assertEquals(saidOf(world, "a"), ["counter.counted 1", "counter.repaired", "counter.counted 2"]);
  assertEquals(await lanesOf(world), []);
});

Deno.test("what stands behind it in the same batch waits as well, and keeps its order", async () => {
  await using world = await World.open();
  world.mood.isBroken = true;
  await world.startAsker();
  for (const message of [Count, Break, Count, Count, Break, Count]) await send(world, message({ id: "a" }), "flow-1");
  await world.until("all wait", () => world.server.messagesIn("counter.in.p0").length === 6);
  await world.startCounter();
  await world.until("the first is through", () => world.heard.length === 1, 150);
  assertEquals((await lanesOf(world)).map(({ parkedCount }) => parkedCount), [4]);

  world.mood.isBroken = false;
  await world.until("all are through", () => world.heard.length === 6);

  assertEquals(saidOf(world, "a"), [
    "counter.counted 1",
    "counter.repaired",
    "counter.counted 2",
    "counter.counted 3",
    "counter.repaired",
    "counter.counted 4",
  ]);
});

Deno.test("a dead message holds its lane up until it is redriven, and what waited follows it", async () => {
  await using world = await openBroken();
  const { operations } = await sendAndBury(world);
  const [found] = await operations.listLanes();
  assertEquals([found?.lane, found?.state, found?.parkedCount, found?.head.attempt], [lane, "dead", 1, 6]);
  const [letter] = await operations.listDeadLetters({ limit: 9 });
  assertEquals(found?.deadLetterId, letter?.id);

  world.mood.isBroken = false;
  await operations.settleDeadLetters([letter!.id], "redriven", "glue is back", by);
  await world.until("both are through", () => world.heard.length === 2);

  assertEquals(saidOf(world, "a"), ["counter.repaired", "counter.counted 1"]);
  assertEquals(await lanesOf(world), []);
});

Deno.test("a dead message is resent in vain, and does not let go what waits behind it", async () => {
  await using world = await openBroken();
  const { id } = await sendAndBury(world);
  world.mood.isBroken = false;

  await world.store("asker").redriveOutbox();
  await world.clock.advance(60_000);

  assertEquals([world.heard.length, (await lanesOf(world))[0]?.head.messageId], [0, id]);
});

Deno.test("skipping a lane gives its head up, lets the others go and is a signed event", async () => {
  await using world = await openBroken();
  const { operations, id } = await sendAndBury(world);

  const skipped = await operations.skipLane(lane, "the customer has given up", by);
  await world.until("the other is through", () => world.heard.length === 1);

  assertEquals(skipped?.head.messageId, id);
  assertEquals(saidOf(world, "a"), ["counter.counted 1"]);
  assertEquals((await operations.listDeadLetters({ limit: 9 })).map(({ status }) => status), ["discarded"]);
  assertEquals(actsOf(world), ["lane-skipped"]);
  assertEquals(await operations.skipLane(lane, "once more", by), undefined);
});

Deno.test("a message that still waits for its retry can be skipped, and is had when it comes", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await world.until("it waits", async () => (await lanesOf(world)).length === 1);

  await world.service("counter").operations.skipLane(lane, "the customer has given up", by);
  await world.until("the other is through", () => world.heard.length === 1, 150);
  world.mood.isBroken = false;
  await world.clock.advance(60_000);

  assertEquals(saidOf(world, "a"), ["counter.counted 1"]);
});

Deno.test("releasing a lane tries its head at once, and what waited follows it", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await world.until("it waits long", async () => (await lanesOf(world))[0]?.head.attempt === 4);
  world.mood.isBroken = false;

  // The next attempt would come after 800 ms; the shortest tier is one of 200.
  await world.service("counter").operations.releaseLane(lane, "glue is back", by);
  await world.until("both are through", () => world.heard.length === 2, 400);

  assertEquals(saidOf(world, "a"), ["counter.repaired", "counter.counted 1"]);
  assertEquals(actsOf(world), ["lane-released"]);
});

Deno.test("releasing a dead lane redrives its head", async () => {
  await using world = await openBroken();
  const { operations } = await sendAndBury(world);
  world.mood.isBroken = false;

  await operations.releaseLane(lane, "glue is back", by);
  await world.until("both are through", () => world.heard.length === 2);

  assertEquals(saidOf(world, "a"), ["counter.repaired", "counter.counted 1"]);
  assertEquals((await operations.listDeadLetters({ limit: 9 })).map(({ status }) => status), ["redriven"]);
});

Deno.test("a lane that is being let go takes no act", async () => {
  await using world = await openBroken();
  const { operations } = await sendAndBury(world);
  world.store("counter").failNext(1_000, { operation: "readParked" });
  await operations.skipLane(lane, "the customer has given up", by);
  await assertRejects(operations.skipLane(lane, "again", by), { code: "store.conflict" });
  await assertRejects(operations.releaseLane(lane, "again", by), { code: "store.conflict" });
});

Deno.test("an undo waits for nothing, and lets its lane go where it undoes what the others wait for", async () => {
  await using world = await openBroken();
  const { id } = await sendBoth(world);
  await world.until("it waits", async () => (await lanesOf(world)).length === 1);

  await world.service("asker").send({ ...Uncount({ id: "a" }), undoes: [id] }, { correlation: "flow-1" });
  await world.until("undone, and the other is through", () => world.heard.length === 2, 150);
  world.mood.isBroken = false;
  await world.clock.advance(60_000);

  assertEquals(saidOf(world, "a"), ["counter.uncounted", "counter.counted 1"]);
  assertEquals(await lanesOf(world), []);
});

Deno.test("what a process could not let go before it died is let go by the next", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await world.until("it waits", async () => (await lanesOf(world)).length === 1);
  world.store("counter").failNext(1_000, { operation: "readParked" });
  world.mood.isBroken = false;
  await world.until("the first is through", () => world.heard.length === 1);
  assertEquals((await lanesOf(world))[0]?.state, "releasing");

  await world.crash("counter");
  await world.startCounter();
  await world.until("both are through", () => world.heard.length === 2);

  assertEquals(saidOf(world, "a"), ["counter.repaired", "counter.counted 1"]);
});

Deno.test("what comes while a lane is being let go comes after what waited", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await world.until("it waits", async () => (await lanesOf(world)).length === 1);
  world.store("counter").failNext(2, { operation: "readParked" });
  world.mood.isBroken = false;
  await world.until("the first is through", () => world.heard.length === 1);

  await send(world, Break({ id: "a" }), "flow-1");
  await world.until("all are through", () => world.heard.length === 3);

  assertEquals(saidOf(world, "a"), ["counter.repaired", "counter.counted 1", "counter.repaired"]);
});

Deno.test("a parked message that cannot be proven any more is refused with a finding, and the others go on", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await send(world, Count({ id: "a" }), "flow-1");
  await world.until("both wait", async () => (await lanesOf(world))[0]?.parkedCount === 2);
  const { parked } = world.databases.counter.tables;
  const [[key, first]] = parked as unknown as [[string, { envelope: string }]];
  parked.set(key, { ...parked.get(key)!, envelope: `${first.envelope.slice(0, -4)}AAAA` });

  world.mood.isBroken = false;
  await world.until("the last is through", () => world.heard.length === 2);

  assertEquals(saidOf(world, "a"), ["counter.repaired", "counter.counted 1"]);
  const letters = await world.store("counter").listDeadLetters({ limit: 9 });
  assertEquals(letters.map((letter) => letter.class), ["untrusted"]);
  assertEquals(await lanesOf(world), []);
});

Deno.test("an attempt that the broker has lost is made from the database, and what waits follows it", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await world.until("it waits long", async () => (await lanesOf(world))[0]?.head.attempt === 4);
  // Nobody sends it again: its sender is gone for good, and so is all that the broker had.
  await world.crash("asker");
  world.server.wipe();
  await world.loadTopology();
  world.mood.isBroken = false;

  await world.until("both are through", async () => {
    const { items } = await world.store("counter").readFeed({ after: "", limit: 9 });
    return items.length === 2;
  });

  assertEquals(await lanesOf(world), []);
});

Deno.test("a head that cannot be proven any more when its attempt is overdue is refused, and what waits goes on", async () => {
  await using world = await openBroken();
  await sendBoth(world);
  await world.until("it waits", async () => (await lanesOf(world))[0]?.head.attempt === 4);
  const { lanes } = world.databases.counter.tables;
  const row = lanes.get(lane)!;
  lanes.set(lane, { ...row, head: { ...row.head, envelope: `${row.head.envelope.slice(0, -4)}AAAA` } });
  await world.crash("asker");
  world.server.wipe();
  await world.loadTopology();

  await world.until("it is refused", async () => (await world.store("counter").readStatus()).deadLetterCount === 1);
  await world.until("the lane is open", async () => (await lanesOf(world)).length === 0);

  const letters = await world.store("counter").listDeadLetters({ limit: 9 });
  assertEquals(letters.map((letter) => [letter.class, letter.attempts]), [["untrusted", 5]]);
});

Deno.test("events from one stream keep their order behind one that fails; those from others flow", async () => {
  await using world = await openBroken();
  world.mood.isShy = "a";
  for (const id of ["a", "a", "b"]) await send(world, Count({ id }), "flow-1");
  await world.until("the other stream flows", () => world.heard.length === 1);
  const lanes = await world.store("asker").readLanes();
  assertEquals(lanes.lanes.map((found) => [found.lane, found.parkedCount]), [["asker/a~counter/a", 1]]);

  delete world.mood.isShy;
  await world.until("all are through", () => world.heard.length === 3);

  assertEquals(saidOf(world, "a"), ["counter.counted 1", "counter.counted 2"]);
});

async function openBroken(): Promise<World> {
  const world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.mood.isBroken = true;
  return world;
}

function send(world: World, command: ReturnType<typeof Count> | ReturnType<typeof Break>, correlation: string) {
  return world.service("asker").send(command, { correlation });
}

/** One that fails, and one behind it. */
async function sendBoth(world: World): Promise<{ readonly id: string }> {
  const id = await send(world, Break({ id: "a" }), "flow-1");
  await send(world, Count({ id: "a" }), "flow-1");
  return { id };
}

async function sendAndBury(world: World) {
  const { id } = await sendBoth(world);
  await world.until("dead", async () => (await world.store("counter").readStatus()).deadLetterCount === 1);
  return { id, operations: world.service("counter").operations };
}

async function lanesOf(world: World): Promise<readonly StoredLane[]> {
  return (await world.store("counter").readLanes()).lanes;
}

function saidOf(world: World, id: string): readonly string[] {
  return world.heard.filter(({ key }) => key === id).map(({ type, data }) => {
    const { total } = data as { readonly total?: number };
    return total === undefined ? type : `${type} ${total}`;
  });
}

/** What operators did, as the service recorded it. */
function actsOf(world: World): readonly string[] {
  return world.databases.counter.tables.events.filter(({ type }) => type === "counter.operator-acted")
    .map(({ data }) => (data as { readonly action: string }).action);
}
