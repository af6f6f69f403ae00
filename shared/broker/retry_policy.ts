import { defaultTiersMs } from "./topology_names.ts";

/** 6: attempts that a message gets in all; after the last it is a dead letter. */
export const attemptsMax = 6;

/**
 * Says how long a message waits before its next attempt, or that there is none left.
 *
 * @param attempt Attempts already made, the failed one included; from 1.
 * @param tiersMs The tiers of the topology, in rising order; the last one serves all later attempts.
 * @returns The tier's delay in milliseconds, or `undefined` when the message is a dead letter.
 * @throws {RangeError} If `attempt` is not a positive whole number.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { retryDelayMs } from "@mesh/broker";
 *
 * assertEquals([1, 2, 3, 4, 5, 6].map((attempt) => retryDelayMs(attempt)),
 *   [1_000, 10_000, 60_000, 600_000, 600_000, undefined]);
 * ```
 */
export function retryDelayMs(attempt: number, tiersMs: readonly number[] = defaultTiersMs): number | undefined {
  if (!Number.isInteger(attempt) || attempt < 1) {
    throw new RangeError(`Cannot choose a retry tier: attempt must be a positive whole number, found ${attempt}`);
  }
  if (attempt >= attemptsMax) return undefined;
  return tiersMs[Math.min(attempt, tiersMs.length) - 1];
}
