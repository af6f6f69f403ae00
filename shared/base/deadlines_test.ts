import { deepStrictEqual as assertEquals, rejects as assertRejects, strictEqual } from "node:assert/strict";
import { ManualClock } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";

Deno.test("each of many deadlines expires at its own time, and only if its work has not ended", async () => {
  const clock = new ManualClock();
  using deadlines = new Deadlines(clock, 1_000);
  const expired: string[] = [];
  deadlines.start(() => expired.push("first"));
  await clock.advance(400);
  const end = deadlines.start(() => expired.push("ended"));
  deadlines.start(() => expired.push("second"));
  end();
  await clock.advance(599);
  assertEquals(expired, []);
  await clock.advance(1);
  assertEquals(expired, ["first"]);
  await clock.advance(400);
  assertEquals(expired, ["first", "second"]);
});

Deno.test("deadlines need one delay however many there are, and none once all have ended", async () => {
  const clock = new ManualClock();
  using deadlines = new Deadlines(clock, 1_000);
  const ends = Array.from({ length: 100 }, () => deadlines.start(() => {}));
  strictEqual(clock.waitingCount, 1);
  for (const end of ends) end();
  await clock.advance(1_000);
  strictEqual(clock.waitingCount, 0);
});

Deno.test("a limit passes on the error of the work, and none that comes too late", async () => {
  const clock = new ManualClock();
  using deadlines = new Deadlines(clock, 1_000);
  const tooLate = () => new Error("too late");
  await assertRejects(deadlines.limit(Promise.reject(new Error("broken")), tooLate), /broken/);
  const work = Promise.withResolvers<string>();
  const limited = assertRejects(deadlines.limit(work.promise, tooLate), /too late/);
  await clock.advance(1_000);
  work.reject(new Error("broken later"));
  await limited;
});

Deno.test("nothing expires once the deadlines are disposed of", async () => {
  const clock = new ManualClock();
  const expired: string[] = [];
  {
    using deadlines = new Deadlines(clock, 1_000);
    deadlines.start(() => expired.push("late"));
  }
  await clock.advance(2_000);
  assertEquals([expired, clock.waitingCount], [[], 0]);
});
