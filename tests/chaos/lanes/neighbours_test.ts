import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { quantilesOf } from "./neighbours.ts";

Deno.test("percentiles are nearest ranks", () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  assertEquals(quantilesOf(hundred), { count: 100, p50: 50, p99: 99 });
  assertEquals(quantilesOf([7]), { count: 1, p50: 7, p99: 7 });
});
