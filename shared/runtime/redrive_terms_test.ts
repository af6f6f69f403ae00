import { deepStrictEqual as assertEquals } from "node:assert/strict";
import {
  failsTooOften,
  nextBatch,
  portionOf,
  redriveBegins,
  RedriveLimits,
  RedriveSelection,
  withOutcomes,
} from "./redrive_terms.ts";

const limits = RedriveLimits.parse({});

Deno.test("a redrive that is told nothing goes as the manual says", () => {
  assertEquals(limits, {
    batchMax: 64,
    ratePerSecond: 10,
    perCorrelationMax: 1,
    failureShareMax: 0.2,
    sampleMin: 5,
    outcomeWithinMs: 1_800_000,
  });
  assertEquals(RedriveSelection.parse({}), { limit: 1_000 });
});

Deno.test("batches double up to their bound, and one of which something failed is followed by one as large", () => {
  const sizes: number[] = [];
  let progress = redriveBegins;
  for (const failures of [0, 0, 1, 0, 0, 0]) {
    progress = nextBatch(progress, { ...limits, batchMax: 10 });
    sizes.push(progress.batchLeft);
    progress = withOutcomes(progress, { handled: progress.batchSize - failures, failures });
  }

  assertEquals(sizes, [1, 2, 4, 4, 8, 10]);
  assertEquals(progress, { batch: 6, batchSize: 10, batchLeft: 10, batchFailures: 0, handled: 28, failures: 1 });
});

Deno.test("a redrive fails too often above its share, and not before enough is known", () => {
  const of = (handled: number, failures: number) => failsTooOften({ ...redriveBegins, handled, failures }, limits);

  assertEquals([of(0, 4), of(0, 5), of(4, 1), of(3, 2), of(80, 20), of(79, 21)], [
    false,
    true,
    false,
    true,
    false,
    true,
  ]);
});

Deno.test("what is taken comes in order, as many as may be, and not too much of one flow", () => {
  const waiting = ["a", "a", "b", "c", "", "", "b"].map((correlation, at) => ({ correlation, at }));
  const chosen = (countMax: number, perCorrelationMax: number, underWay: readonly string[] = []) =>
    portionOf(waiting, underWay, { countMax, perCorrelationMax }).map(({ at }) => at);

  assertEquals(chosen(9, 1), [0, 2, 3, 4, 5]);
  assertEquals(chosen(9, 1, ["a", "c"]), [2, 4, 5]);
  assertEquals([chosen(2, 1), chosen(9, 2, ["b"]), chosen(0, 1)], [[0, 2], [0, 1, 2, 3, 4, 5], []]);
});
