import type { Clock } from "@mesh/base";
import { unavailable } from "../refusal.ts";
import type { GatewayMiddleware } from "../route_table.ts";

/** Longest time until an answer begins, in milliseconds; a stream may then go on. */
export const answerWithinMs = 10_000;

/**
 * Answers 503 when nothing else has by then. What was begun may still be committed: the client asks again with the same
 * `Idempotency-Key` and learns.
 */
export function limitTime(clock: Pick<Clock, "delay">): GatewayMiddleware {
  return async (_context, next) => {
    const answered = new AbortController();
    let isLate = false;
    const deadline = clock.delay(answerWithinMs, answered.signal).then(() => {
      isLate = !answered.signal.aborted;
    });
    try {
      await Promise.race([next(), deadline]);
    } finally {
      answered.abort();
    }
    if (isLate) throw unavailable(2);
  };
}
