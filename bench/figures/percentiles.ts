/** Shares of a set of durations, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Finds the durations below which half and 99 of 100 lie (nearest rank).
 *
 * @param durationsMs At least one, in any order.
 * @throws {RangeError} If there is none.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { latencyOf } from "./percentiles.ts";
 *
 * assertEquals(latencyOf([3, 1, 2]), { p50Ms: 2, p99Ms: 3, maxMs: 3 });
 * ```
 */
export function latencyOf(durationsMs: readonly number[]): Latency {
  if (durationsMs.length === 0) throw new RangeError("Cannot find a percentile: there is no duration");
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
