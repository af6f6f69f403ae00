import { errorCode, MeshError } from "@mesh/base";
import type { DeadLetterClass } from "@mesh/store";

/** What follows from a failed attempt at one message. */
export type Disposition =
  /** Dead now: another attempt would end the same way. */
  | { readonly verdict: "dead"; readonly class: DeadLetterClass; readonly reason: string }
  /** Back through a delay tier. */
  | { readonly verdict: "retry"; readonly reason: string };

/**
 * Says what follows from an error that a message met; the only place that decides it.
 *
 * @param error What was thrown while the message was verified, decided or committed.
 */
export function dispositionOf(error: unknown): Disposition {
  const code = errorCode(error);
  const reason = error instanceof MeshError ? error.reason : code;
  switch (code) {
    case "envelope.untrusted":
      return { verdict: "dead", class: "untrusted", reason };
    case "contract.invalid":
      return { verdict: "dead", class: "contract", reason };
    case "defect":
      return { verdict: "dead", class: "defect", reason };
    case "store.conflict":
    case "dependency.unavailable":
    case "config.invalid":
    case "unclassified":
      return { verdict: "retry", reason };
  }
}

/**
 * Says how long a message waits before its next attempt.
 *
 * @param attempt Attempts already made, the failed one included; from 1.
 * @param tiersMs Waits in milliseconds, shortest first; the last one repeats.
 * @param attemptsMax Attempts in all.
 * @returns One of the tiers, or `undefined` when the message is dead.
 *
 * @example Six attempts through four tiers
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { nextTierMs } from "@mesh/runtime";
 *
 * const waits = [1, 2, 3, 4, 5, 6].map((attempt) => nextTierMs(attempt, [1_000, 10_000, 60_000, 600_000], 6));
 * assertEquals(waits, [1_000, 10_000, 60_000, 600_000, 600_000, undefined]);
 * ```
 */
export function nextTierMs(attempt: number, tiersMs: readonly number[], attemptsMax: number): number | undefined {
  return attempt >= attemptsMax ? undefined : tiersMs[Math.min(attempt, tiersMs.length) - 1];
}
