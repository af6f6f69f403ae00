import type { Clock } from "@mesh/base";
import { unavailable } from "../refusal.ts";
import type { GatewayMiddleware } from "../route_table.ts";

/** Longest time until an answer begins, in milliseconds; a stream may then go on. */
export const answerWithinMs = 10_000;

/**
 * Answers 503 when nothing else has by then. What was begun may still be committed: the client asks again with the same
 * `Idempotency-Key` and learns.
 */
export function limitTime(clock: Pick<Clock, "delay" | "monotonicMs">): GatewayMiddleware {
  const deadlines = new Deadlines(clock);
  return async (_context, next) => {
    const deadline = deadlines.open();
    await Promise.race([next(), deadline.reached]);
    if (!deadline.close()) throw unavailable(2);
  };
}

interface Deadline {
  /** Resolves when the time is over; never, once it was closed. */
  readonly reached: Promise<void>;
  /** @returns Whether it was in time. */
  close(): boolean;
}

interface Waiting {
  readonly dueMs: number;
  readonly reach: () => void;
}

/** One timer for all requests: they all wait equally long, so whoever came first is due first. */
class Deadlines {
  readonly #clock: Pick<Clock, "delay" | "monotonicMs">;
  readonly #waiting = new Set<Waiting>();
  #isWatching = false;

  constructor(clock: Pick<Clock, "delay" | "monotonicMs">) {
    this.#clock = clock;
  }

  open(): Deadline {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const waiting = { dueMs: this.#clock.monotonicMs() + answerWithinMs, reach };
    this.#waiting.add(waiting);
    if (!this.#isWatching) void this.#watch();
    return { reached, close: () => this.#waiting.delete(waiting) };
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      await this.#clock.delay(Math.max(0, first.dueMs - this.#clock.monotonicMs()));
      this.#reachDue(this.#clock.monotonicMs());
    }
    this.#isWatching = false;
  }

  #reachDue(nowMs: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.dueMs > nowMs) return;
      this.#waiting.delete(waiting);
      waiting.reach();
    }
  }
}
