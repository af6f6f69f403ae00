import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { backlogMax, dueCount, startMsOf } from "./open_schedule.ts";

const schedule = { beginMs: 500, ratePerSecond: 200 };

Deno.test("the first saga is due at once, the others at even distances", () => {
  assertEquals([499, 500, 504, 505, 1_500].map((nowMs) => dueCount(schedule, nowMs)), [0, 1, 1, 2, 201]);
});

Deno.test("every saga is due at the moment at which it is to start, whatever fractions add up to", () => {
  const odd = { beginMs: 0.1, ratePerSecond: 7 };
  const early = Array.from({ length: 1_000 }, (_, index) => index).filter((index) =>
    dueCount(odd, startMsOf(odd, index)) !== index + 1
  );
  assertEquals(early, []);
});

Deno.test("a contender is behind once it owes four seconds of sagas", () => {
  assertEquals(backlogMax(schedule), 800);
});
