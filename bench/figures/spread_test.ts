import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ratioSpread, spreadOf, spreadText } from "./spread.ts";

Deno.test("nothing has no spread, and is written as a dash", () => {
  assertEquals([spreadOf([]), spreadText(spreadOf([]), 1)], [undefined, "–"]);
});

Deno.test("one value is written without a range", () => {
  assertEquals([spreadText(spreadOf([7]), 1), spreadText(spreadOf([7, 9]), 0)], ["7.0", "8 [7-9]"]);
});

Deno.test("a ratio is made within a round: a slow round is slow for both", () => {
  const one = new Map([[1, 80], [2, 40], [3, 8]]);
  const other = new Map([[1, 100], [2, 50], [3, 10]]);
  assertEquals(ratioSpread(one, other), { median: 0.8, min: 0.8, max: 0.8 });
});

Deno.test("rounds without a counterpart have no ratio", () => {
  assertEquals(ratioSpread(new Map([[1, 80]]), new Map([[2, 100], [3, 0]])), undefined);
});
