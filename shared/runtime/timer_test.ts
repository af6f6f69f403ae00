import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { Wait, World } from "./test_world.ts";

function countEnded(world: World): number {
  return world.heard.filter(({ type }) => type === "counter.wait-ended").length;
}

function firings(world: World): number {
  return world.published.filter((type) => type === "counter.fire-timer").length;
}

async function openWaiting(waitsMs: readonly number[]): Promise<{ world: World }> {
  const world = await World.open();
  await world.startCounter();
  await world.startAsker();
  const startMs = world.clock.nowMs();
  for (const waitMs of waitsMs) {
    await world.service("counter").execute(Wait({ id: "clock", dueAtMs: startMs + waitMs }));
  }
  return { world };
}

Deno.test("a deadline that moves on is not written again, and comes when it should all the same", async () => {
  const { world } = await openWaiting([10_000, 20_000, 30_000]);
  await using _world = world;
  await world.clock.advance(29_000);
  assertEquals([countEnded(world), firings(world)], [0, 1]);
  await world.until("fired", () => countEnded(world) === 1, 5_000);
  assertEquals([firings(world), (await world.store("counter").readStatus()).timerCount], [2, 0]);
});

Deno.test("a deadline that comes nearer is written", async () => {
  const { world } = await openWaiting([30_000, 5_000]);
  await using _world = world;
  await world.until("fired", () => countEnded(world) === 1, 8_000);
});

Deno.test("a deadline is known again after a restart, though the store's timer stands earlier", async () => {
  const { world } = await openWaiting([5_000, 20_000]);
  await using _world = world;
  await world.crash("counter");
  await world.clock.advance(6_000);
  await world.startCounter();
  await world.clock.advance(5_000);
  assertEquals(countEnded(world), 0);
  await world.until("fired", () => countEnded(world) === 1, 15_000);
});

Deno.test("operators see an actor's deadline as the actor knows it, and may act on it only where it lets them", async () => {
  const { world } = await openWaiting([5_000, 20_000]);
  await using _world = world;
  const { operations } = world.service("counter");
  const { items } = await operations.listTimers({ prefix: "", limit: 9 });
  const [timer] = items;
  assertEquals([items.length, timer?.stream, timer!.dueAtMs! - timer!.wakesAtMs], [1, "counter/clock", 15_000]);
  const soon = await operations.listTimers({ prefix: "", dueBeforeMs: timer!.wakesAtMs + 1, limit: 9 });
  assertEquals(soon.items, []);
  assertEquals((await operations.explain("counter/clock"))?.explanation, null);
  const act = { id: world.ids.next(), reason: "a trial", act: { name: "shift-timer", byMs: 1_000 } };
  const by = { subject: "operator-1", via: "operator" };
  await assertRejects(operations.act("counter/clock", act, by), {
    code: "store.conflict",
    message: /follows from its own events/,
  });
  assertEquals(await operations.act("counter/unknown", act, by), undefined);
  assertEquals(await operations.act("asker/clock", act, by), undefined);
});
