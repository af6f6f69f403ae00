/** When sagas of an open loop are to start: evenly, whatever became of those before. */
export interface OpenSchedule {
  /** Moment of the first start, in milliseconds of the load's clock. */
  readonly beginMs: number;
  readonly ratePerSecond: number;
}

/**
 * Says when a saga is to start. Its latency counts from there: time that it spent waiting to be started is part of it,
 * or a contender that stalls would be measured by the sagas that it had let in (coordinated omission).
 *
 * @param index Number of the saga, from 0.
 * @returns Milliseconds of the load's clock.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { startMsOf } from "./open_schedule.ts";
 *
 * const schedule = { beginMs: 1_000, ratePerSecond: 20 };
 * assertEquals([0, 1, 20].map((index) => startMsOf(schedule, index)), [1_000, 1_050, 2_000]);
 * ```
 */
export function startMsOf({ beginMs, ratePerSecond }: OpenSchedule, index: number): number {
  return beginMs + index * 1000 / ratePerSecond;
}

/**
 * Counts the sagas that are to have started by a moment.
 *
 * @param nowMs Milliseconds of the load's clock.
 */
export function dueCount({ beginMs, ratePerSecond }: OpenSchedule, nowMs: number): number {
  // A thousandth of a saga: sums of fractions may come out just below the whole number that they are.
  return nowMs < beginMs ? 0 : Math.floor((nowMs - beginMs) * ratePerSecond / 1000 + 0.001) + 1;
}

/** 4 s of arrivals: a contender that is further behind than that does not keep up, and memory need not prove it. */
const backlogMaxMs = 4_000;

/** Says how many sagas may be under way before a contender counts as not keeping up. */
export function backlogMax({ ratePerSecond }: Pick<OpenSchedule, "ratePerSecond">): number {
  return Math.ceil(ratePerSecond * backlogMaxMs / 1000);
}
