import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { cached } from "./cached.ts";

Deno.test("an answer is read once while it is fresh, again when it is not, and used for a while when that fails", async () => {
  const clock = new ManualClock();
  let count = 0;
  let isAway = false;
  const read = cached(
    () => isAway ? Promise.reject(new Error("away")) : Promise.resolve(count += 1),
    { clock, freshMs: 100, staleMaxMs: 1_000 },
  );
  assertEquals([await read(), await read()], [1, 1]);
  await clock.advance(100);
  assertEquals(await Promise.all([read(), read()]), [2, 2]);
  isAway = true;
  await clock.advance(999);
  assertEquals(await read(), 2);
  await clock.advance(1);
  await assertRejects(read(), { message: "away" });
});
