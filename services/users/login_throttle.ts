/** Attempts on one subject (an e-mail, an address on the network) that did not end well, as far as anybody knows. */
export interface Throttle {
  readonly attemptCount: number;
  /** Last attempt, in milliseconds since 1970. */
  readonly lastAtMs: number;
  /** No attempt is let through before this, in milliseconds since 1970. */
  readonly blockedUntilMs: number;
}

/** How attempts on one kind of subject are slowed down. */
export interface ThrottlePolicy {
  /** Attempts without a wait. */
  readonly freeCount: number;
  /** Wait after the last free attempt; doubles with every further one. */
  readonly waitFirstMs: number;
  readonly waitMaxMs: number;
  /** After this long without an attempt everything is forgotten. */
  readonly forgetAfterMs: number;
}

/** What came of asking for an attempt on several subjects at once. */
export type Attempt =
  | { readonly isAllowed: true; readonly throttles: readonly Throttle[] }
  | {
    readonly isAllowed: false;
    /** At least 1. */
    readonly retryAfterSeconds: number;
  };

/**
 * Slows guessing at one account. 15 minutes at most, so nobody can be locked out for good by a stranger: that leaves
 * about 100 guesses a day (NIST SP 800-63B 5.2.2 asks for no more than 100 in a row).
 */
export const accountPolicy: ThrottlePolicy = Object.freeze({
  freeCount: 5,
  waitFirstMs: 1_000,
  waitMaxMs: 900_000,
  forgetAfterMs: 86_400_000,
});

/** Slows guessing at many accounts from one place. Generous, because a house or an office may share one address. */
export const placePolicy: ThrottlePolicy = Object.freeze({
  freeCount: 50,
  waitFirstMs: 1_000,
  waitMaxMs: 900_000,
  forgetAfterMs: 3_600_000,
});

/** How many notices of repeated registrations one address is sent: a stranger must not flood a mailbox through us. */
export const repeatedNoticePolicy: ThrottlePolicy = Object.freeze({
  freeCount: 3,
  waitFirstMs: 86_400_000,
  waitMaxMs: 86_400_000,
  forgetAfterMs: 86_400_000,
});

/**
 * Counts an attempt before it is made, as if it were to fail: a hundred guesses at the same moment are a hundred.
 *
 * @param asked One entry per subject: what is known of it, and its policy.
 * @param nowMs Milliseconds since 1970.
 * @returns The new state of every subject, or how long to wait; then nothing has changed.
 *
 * @example The sixth guess in a row must wait
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { accountPolicy as policy, takeAttempt, type Throttle } from "./login_throttle.ts";
 *
 * let throttle: Throttle | undefined;
 * const answers = [1, 2, 3, 4, 5, 6].map(() => {
 *   const attempt = takeAttempt([{ throttle, policy }], 1_000);
 *   if (attempt.isAllowed) throttle = attempt.throttles[0];
 *   return attempt.isAllowed;
 * });
 * assertEquals(answers, [true, true, true, true, true, false]);
 * ```
 */
export function takeAttempt(
  asked: readonly { readonly throttle: Throttle | undefined; readonly policy: ThrottlePolicy }[],
  nowMs: number,
): Attempt {
  const waitMs = Math.max(0, ...asked.map(({ throttle }) => (throttle?.blockedUntilMs ?? 0) - nowMs));
  if (waitMs > 0) return { isAllowed: false, retryAfterSeconds: Math.ceil(waitMs / 1000) };
  return { isAllowed: true, throttles: asked.map(({ throttle, policy }) => countAttempt(throttle, policy, nowMs)) };
}

/**
 * Takes back an attempt that turned out well, or was never made.
 *
 * A wait that is running goes on: else a right password between two guesses at other accounts would end it.
 *
 * @param throttle State after {@link takeAttempt}, or later.
 */
export function giveBackAttempt(throttle: Throttle): Throttle {
  return { ...throttle, attemptCount: Math.max(0, throttle.attemptCount - 1) };
}

function countAttempt(throttle: Throttle | undefined, policy: ThrottlePolicy, nowMs: number): Throttle {
  const { freeCount, waitFirstMs, waitMaxMs, forgetAfterMs } = policy;
  const isForgotten = throttle === undefined || nowMs - throttle.lastAtMs > forgetAfterMs;
  const attemptCount = isForgotten ? 1 : throttle.attemptCount + 1;
  const doublings = attemptCount - freeCount;
  const waitMs = doublings < 0 ? 0 : Math.min(waitMaxMs, waitFirstMs * 2 ** doublings);
  return { attemptCount, lastAtMs: nowMs, blockedUntilMs: waitMs === 0 ? 0 : nowMs + waitMs };
}
