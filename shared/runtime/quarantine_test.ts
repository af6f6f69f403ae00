import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock, systemIds } from "@mesh/base";
import { silentLog } from "./log.ts";
import { Quarantine } from "./quarantine.ts";
import { Count, World } from "./test_world.ts";
import type { Work } from "./work.ts";

Deno.test("a message that takes the process down with it is found and dead, and its neighbours are not", async () => {
  await using world = await World.open();
  await world.startAsker();
  for (const id of ["a", "lethal", "lethal", "b"]) {
    await world.service("asker").send(Count({ id }), { correlation: "flow" });
  }
  await dieOver(world, "counter", "lethal", 6);

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
  await dieOver(world, "asker", "lethal", 6);

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

Deno.test("what a feed brings is a suspect only if it was there when the process died, and who was begun before is begun alone, later", async () => {
  const clock = new ManualClock();
  const ids = systemIds(clock);
  const noted: (readonly string[])[] = [];
  const settled: string[] = [];
  const begun = new Map([["begun before", 1]]);
  const quarantine = new Quarantine({
    store: {
      noteRun: () => Promise.resolve(2),
      nowMs: () => Promise.resolve(clock.nowMs()),
      countBegun: () => Promise.resolve(begun),
      noteBegun: (digests) => Promise.resolve(void noted.push(digests)),
      noteEnded: () => Promise.resolve(),
    },
    settler: { settle: (works) => Promise.resolve(void settled.push(...works.map(({ digest }) => digest))) },
    clock,
    log: silentLog,
    ordinal: 0,
    stopping: new AbortController().signal,
  });
  const work = (digest: string, userId: string) =>
    ({ received: { id: ids.next() }, digest, userId, isSuspect: true }) as unknown as Work;
  const [old, oldFromFeed] = [work("old", "counter"), work("old from feed", "")];
  await quarantine.begin();
  await clock.advance(2_000);

  const late = [work("delivered twice", "counter"), work("young from feed", ""), work("begun before", "counter")];
  const works = [old, oldFromFeed, ...late];
  const all = quarantine.settle(works, [], () => Promise.reject(new Error("nobody commits here")));

  await clock.advance(2_999);
  const before = ["old", "old from feed", "delivered twice", "young from feed"];
  assertEquals(settled, before, "a process that may die of something else leaves it alone");
  await clock.advance(1);
  await all;
  assertEquals(noted, [["old", "old from feed", "delivered twice"], ["begun before"]]);
  assertEquals(settled, [...before, "begun before"]);
});
