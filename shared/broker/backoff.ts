import { murmur3 } from "@mesh/base";

/** Bounds of a wait that doubles with each failure. */
export interface BackoffPolicy {
  readonly delayFirstMs: number;
  readonly delayMaxMs: number;
}

/**
 * 100 ms to 2 s: a restarted broker is back within seconds, and whoever waits for it must not add as many; a dead one is
 * asked thirty times a minute.
 */
export const reconnectBackoff: BackoffPolicy = Object.freeze({ delayFirstMs: 100, delayMaxMs: 2_000 });

/**
 * Says how long to wait after a number of failures in a row.
 *
 * Jitter (a fifth up or down) is drawn from the name, not from chance: processes have different names and spread out,
 * and a run repeats exactly.
 *
 * @param failures Failures so far, from 1.
 * @param name Name of who waits.
 * @returns Whole milliseconds.
 */
export function backoffMs(failures: number, name: string, policy: BackoffPolicy = reconnectBackoff): number {
  const plainMs = Math.min(policy.delayFirstMs * 2 ** Math.min(failures - 1, 30), policy.delayMaxMs);
  const share = murmur3(encoder.encode(`${name}/${failures}`)) / 2 ** 32;
  return Math.round(plainMs * (0.8 + 0.4 * share));
}

const encoder = new TextEncoder();
