import type { LoadPlan } from "../contender/protocol.ts";

/** Loads that each contender is put under, in this order. */
export const loadNames = ["saturation", "half", "200", "20"] as const;

/** One of {@link loadNames}: as fast as it goes, half of that, or so many sagas a second. */
export type LoadName = typeof loadNames[number];

/** How long loads take. */
export interface LoadDurations {
  /** Warm-up at saturation, after a fresh start, in milliseconds. */
  readonly warmUpMs: number;
  /** Measurement at saturation, in milliseconds. */
  readonly measureMs: number;
  /** Measurement of an open loop, in milliseconds; it warms up for a third of that. */
  readonly openMs: number;
}

/** What is known when a load is to be planned. */
export interface LoadFacts {
  /** Sagas at once at saturation. */
  readonly inFlight: number;
  /** Sagas a second that saturation has shown; absent where that was not measured. */
  readonly saturationPerSecond?: number;
}

/**
 * Plans one load.
 *
 * @returns `undefined` for a load that is known to be too much: it is not tried.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { planLoad } from "./load_plans.ts";
 *
 * const durations = { warmUpMs: 4_000, measureMs: 8_000, openMs: 6_000 };
 * const facts = { inFlight: 64, saturationPerSecond: 150 };
 * assertEquals(planLoad("half", durations, facts), { warmUpMs: 2_000, measureMs: 6_000, ratePerSecond: 75 });
 * assertEquals(planLoad("200", durations, facts), undefined);
 * ```
 */
export function planLoad(name: LoadName, durations: LoadDurations, facts: LoadFacts): LoadPlan | undefined {
  const { warmUpMs, measureMs, openMs } = durations;
  const { inFlight, saturationPerSecond } = facts;
  if (name === "saturation") return { warmUpMs, measureMs, inFlight };
  const ratePerSecond = name === "half" ? Math.floor((saturationPerSecond ?? 0) / 2) : Number(name);
  const isTooMuch = ratePerSecond > (saturationPerSecond ?? Infinity);
  if (ratePerSecond < 1 || isTooMuch) return undefined;
  return { warmUpMs: Math.round(openMs / 3), measureMs: openMs, ratePerSecond };
}
