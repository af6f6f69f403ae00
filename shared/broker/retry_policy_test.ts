import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { retryDelayMs } from "./mod.ts";

Deno.test("retryDelayMs climbs the tiers, stays on the last one and ends after six attempts", () => {
  const delays = (tiersMs?: readonly number[]) =>
    [1, 2, 3, 4, 5, 6, 7].map((attempt) => retryDelayMs(attempt, tiersMs));
  assertEquals(delays(), [1_000, 10_000, 60_000, 600_000, 600_000, undefined, undefined]);
  assertEquals(delays([5]), [5, 5, 5, 5, 5, undefined, undefined]);
});

Deno.test("retryDelayMs refuses attempts that cannot be", () => {
  for (const attempt of [0, -1, 1.5, NaN]) throws(() => retryDelayMs(attempt), RangeError);
});
