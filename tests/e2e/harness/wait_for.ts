import { systemClock, UnavailableError } from "@mesh/base";

/** 30 s: far longer than anything takes that works, on a busy machine. */
const limitDefaultMs = 30_000;

/** 20 ms at first, growing to 200 ms: what is there at once is seen at once, and many who wait do no harm. */
const everyMinMs = 20;
const everyMaxMs = 200;

/**
 * Waits for a fact: asks until there is an answer.
 *
 * @param what Completes the message "Cannot see ...".
 * @param probe Answers with the fact, or with `undefined` or `false` as long as it is not there. An error that it throws
 *   counts as "not yet" and is told when time is up.
 * @param limitMs Longest wait in milliseconds.
 * @throws {UnavailableError} If the fact is not there in time.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs = limitDefaultMs,
): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + limitMs;
  let last: unknown;
  for (let everyMs = everyMinMs;; everyMs = Math.min(everyMs * 1.2, everyMaxMs)) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new UnavailableError(`Cannot see ${what}: not within ${limitMs} ms`, { cause: last });
    }
    await systemClock.delay(everyMs);
  }
}
