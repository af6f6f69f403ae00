import { ok as assert } from "node:assert/strict";
import { Count, World } from "./test_world.ts";

/** A connection is tried again after 2.4 s at most; beyond it a channel has to be opened and a sweep or a wait may end. */
const soonMs = 3_000;

Deno.test("what waits for the broker goes as soon as it is back, however long it was away", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  for (const [at, outageMs] of [3_000, 9_000, 14_000, 23_000, 61_000].entries()) {
    world.server.stop();
    await world.service("asker").send(Count({ id: `during-${at}` }));
    await world.clock.advance(outageMs);
    world.server.start();
    const sinceMs = world.clock.monotonicMs();
    await world.until("the answer", () => world.heard.some(({ key }) => key === `during-${at}`));
    const afterMs = world.clock.monotonicMs() - sinceMs;
    assert(afterMs <= soonMs, `after ${outageMs} ms without a broker the answer came only ${afterMs} ms later`);
  }
});
