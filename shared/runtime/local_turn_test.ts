import { deepStrictEqual as assertEquals, ok, rejects as assertRejects } from "node:assert/strict";
import { Count, Fetch, World } from "./test_world.ts";

const library = { "fetch-text": { perform: () => Promise.resolve({ text: "once" }) } };

/** Transactions that have written events of the counter. */
async function countCommits(world: World): Promise<number> {
  const { items } = await world.store("counter").readFeed({ after: "", limit: 1_000 });
  return new Set(items.map(({ cursor }) => cursor.split(".").at(-2))).size;
}

function fetched(world: World) {
  return world.heard.filter(({ type }) => type === "counter.fetched");
}

Deno.test("commands that a process gives itself at once are one turn, each on what the one before left", async () => {
  await using world = await World.open();
  await world.startCounter();

  const recorded = await Promise.all(
    Array.from({ length: 20 }, () => world.service("counter").execute(Count({ id: "a" }))),
  );

  assertEquals(recorded.map(([event]) => (event!.data as { total: number }).total), recorded.map((_, at) => at + 1));
  ok(await countCommits(world) <= 2, `${await countCommits(world)} commits`);
});

Deno.test("a command of the process itself fails alone, with the reason, while the database is away", async () => {
  await using world = await World.open();
  await world.startCounter();
  world.store("counter").failNext(1, { operation: "commit" });

  await assertRejects(world.service("counter").execute(Count({ id: "a" })), { code: "dependency.unavailable" });
  await world.until("the loop goes on", async () => {
    const [event] = await world.service("counter").execute(Count({ id: "a" }));
    return (event!.data as { total: number }).total === 1;
  });
});

for (const hasReplicas of [false, true]) {
  const way = hasReplicas ? "through the mailbox" : "straight into the next turn";

  Deno.test(`an outcome comes back ${way} and ends its effect`, async () => {
    await using world = await World.open();
    await world.startCounter(library, { hasReplicas });
    await world.startAsker();

    const id = await world.service("asker").send(Fetch({ id: "book" }));
    await world.until("answered", () => fetched(world).length === 1);

    assertEquals(fetched(world)[0]?.re, [id]);
    assertEquals(world.published.includes("counter.record-outcome"), hasReplicas);
    assertEquals((await world.store("counter").readStatus()).openEffectCount, 0);
  });
}

Deno.test("an outcome that cannot be taken in is tried again through the tiers", async () => {
  await using world = await World.open();
  world.mood.isDeaf = true;
  await world.startCounter(library);
  await world.startAsker();

  await world.service("asker").send(Fetch({ id: "book" }));
  await world.until("on its way through a tier", async () => {
    const { openEffectCount, outboxCount } = await world.store("counter").readStatus();
    return openEffectCount === 0 && outboxCount > 0;
  });
  world.mood.isDeaf = false;

  await world.until("answered", () => fetched(world).length === 1);
  assertEquals(await world.store("counter").listDeadLetters({ limit: 9 }), []);
});

Deno.test("an outcome whose commit nobody learns of is recorded once", async () => {
  await using world = await World.open();
  await world.startCounter({
    "fetch-text": {
      perform: () => {
        world.store("counter").failNext(1, { operation: "commit", when: "after" });
        return Promise.resolve({ text: "once" });
      },
    },
  });
  await world.startAsker();

  await world.service("asker").send(Fetch({ id: "book" }));
  await world.until("answered", () => fetched(world).length > 0);
  await world.clock.advance(120_000);

  const { items } = await world.store("counter").readFeed({ after: "", limit: 9 });
  assertEquals([fetched(world).length, items.length], [1, 2]);
  assertEquals((await world.store("counter").readStatus()).openEffectCount, 0);
});

Deno.test("a command of the process itself that was handled before is refused as such", async () => {
  await using world = await World.open();
  await world.startCounter();
  const id = world.ids.next();
  await world.service("counter").execute(Count({ id: "a" }), { id });

  await assertRejects(world.service("counter").execute(Count({ id: "a" }), { id }), { reason: "handled-before" });
});

Deno.test("what a command of the process itself leads to is told to its caller, and answers nobody", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  const id = world.ids.next();

  await world.service("counter").execute(Count({ id: "a" }), { id });
  await world.until("heard", () => world.heard.length > 0);

  assertEquals(world.heard.map(({ type, re }) => [type, re]), [["counter.counted", []]]);
  assertEquals(await world.store("counter").requeueAnswers([id], () => world.ids.next()), []);
});
