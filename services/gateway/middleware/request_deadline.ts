import { type Clock, Deadlines } from "@mesh/base";
import { unavailable } from "../refusal.ts";
import type { GatewayMiddleware } from "../route_table.ts";

/** Longest time until an answer begins, in milliseconds; a stream may then go on. */
export const answerWithinMs = 10_000;

/**
 * Answers 503 when nothing else has by then. What was begun may still be committed: the client asks again with the same
 * `Idempotency-Key` and learns.
 */
export function limitTime(clock: Pick<Clock, "delay" | "monotonicMs">): GatewayMiddleware {
  const deadlines = new Deadlines(clock, answerWithinMs);
  return async (_context, next) => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const close = deadlines.start(reach);
    let isInTime = true;
    try {
      await Promise.race([next(), reached]);
    } finally {
      isInTime = close();
    }
    if (!isInTime) throw unavailable(2);
  };
}
