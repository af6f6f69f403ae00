import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { Count, World } from "./test_world.ts";

Deno.test("a message that takes the process down with it is found and dead, and its neighbours are not", async () => {
  await using world = await World.open();
  await world.startAsker();
  for (const id of ["a", "lethal", "lethal", "b"]) {
    await world.service("asker").send(Count({ id }), { correlation: "flow" });
  }
  await dieOver(world, "counter", "lethal", 4);

  await world.startCounter();
  await world.until("the neighbours are through", () => world.heard.length === 2);

  assertEquals(world.heard.map(({ key }) => key).toSorted(), ["a", "b"]);
  const letters = await world.store("counter").listDeadLetters({ limit: 9 });
  assertEquals(letters.map((letter) => [letter.class, letter.reason]), [["defect", "ended-the-process"]]);
  const { lanes } = await world.store("counter").readLanes();
  assertEquals(lanes.map((lane) => [lane.lane, lane.state, lane.parkedCount]), [["counter/lethal~flow", "dead", 1]]);
  assertEquals(world.databases.counter.tables.suspects.size, 0);
});

Deno.test("an event from a feed that takes the process down is found as well", async () => {
  await using world = await World.open();
  await world.startCounter();
  for (const id of ["a", "lethal"]) await world.service("counter").execute(Count({ id }));
  await world.until("published", () => world.published.length === 2);
  // The broker forgets the events; the feed brings them.
  world.server.wipe();
  await world.loadTopology();
  await world.clock.advance(40_000);
  await dieOver(world, "asker", "lethal", 4);

  await world.startAsker();
  await world.until("it is dead", async () => (await world.store("asker").readStatus()).deadLetterCount === 1);
  const { inbox } = world.databases.asker.tables;
  await world.until("the other is handled", () => inbox.size === 1);
  const letters = await world.store("asker").listDeadLetters({ limit: 9 });
  assertEquals(letters.map((letter) => [letter.type, letter.reason]), [["counter.counted", "ended-the-process"]]);
});

Deno.test("one death makes nobody a suspect, and a run that lasts ends the suspicion", async () => {
  await using world = await World.open();
  await world.startAsker();
  const { runs } = world.databases.counter.tables;
  for (let run = 0; run < 3; run += 1) {
    await world.startCounter();
    assertEquals(runs.get(0), { isRunning: true, diedCount: run });
    if (run < 2) await world.crash("counter");
  }
  await world.clock.advance(60_000);
  assertEquals(runs.get(0), { isRunning: true, diedCount: 0 });
});

/** Starts a service again and again, whose process dies over what is about `id`, so many times. */
async function dieOver(world: World, name: "counter" | "asker", id: string, count: number): Promise<void> {
  let isDead = false;
  world.mood.onLethal = {
    id,
    process: name,
    died: () => {
      isDead = true;
      world.kill(name);
    },
  };
  for (let run = 0; run < count; run += 1) {
    isDead = false;
    await (name === "counter" ? world.startCounter() : world.startAsker());
    await world.until(`run ${run} dies`, () => isDead);
    await world.crash(name);
  }
}
