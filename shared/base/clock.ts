import { setImmediate } from "node:timers";

/** Time as a parameter, so that tests and the simulation can move it. */
export interface Clock {
  /** Wall clock in milliseconds since 1970. Information only: no decision may depend on it. */
  nowMs(): number;
  /** Milliseconds that never jump or run backwards; only differences mean anything. */
  monotonicMs(): number;
  /**
   * Resolves after `durationMs`, or early (without an error) when `signal` aborts.
   *
   * @param durationMs At least 0.
   */
  delay(durationMs: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. */
export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  delay: (durationMs: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted) return resolve();
      // A timer of no duration takes a millisecond; what is due meanwhile has its turn this way, too.
      if (durationMs <= 0) return void setImmediate(resolve);
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, durationMs);
      signal?.addEventListener("abort", finish, { once: true });
    }),
});

/** A clock that only moves when told; delays end when it passes them, in order of their due time. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #waiting: { readonly dueMs: number; readonly wake: () => void }[] = [];

  /** @param startMs Where the wall clock starts, in milliseconds since 1970. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  /** Delays that have not ended yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  delay(durationMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || durationMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const entry = { dueMs: this.#nowMs + durationMs, wake: resolve };
      this.#waiting.push(entry);
      signal?.addEventListener("abort", () => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        resolve();
      }, { once: true });
    });
  }

  /**
   * Moves time forward and lets everything that became due run, one delay after the other.
   *
   * @param durationMs At least 0.
   */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    for (;;) {
      const next = this.#waiting.filter(({ dueMs }) => dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((entry) => entry !== next);
      this.#nowMs = next.dueMs;
      next.wake();
      await settleMicrotasks();
    }
    this.#nowMs = untilMs;
    await settleMicrotasks();
  }
}

/** A turn of the event loop lets every promise that is ready run first. */
function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
