import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { World } from "./test_world.ts";

Deno.test("an event that no service hears is stored and in the feed, and is not published", async () => {
  await using world = await World.open();
  await world.startCounter();
  const by = { subject: "operator-1", via: "operator" };

  await world.service("counter").operations.redriveOutbox("nothing is stuck", by);
  await world.clock.advance(10_000);

  assertEquals(world.published, []);
  assertEquals((await world.store("counter").readStatus()).outboxCount, 0);
  const { items } = await world.store("counter").readFeed({ after: "", limit: 9 });
  assertEquals(items.length, 1);
});
