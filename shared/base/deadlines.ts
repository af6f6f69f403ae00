import type { Clock } from "./clock.ts";
import { InFlightMap } from "./in_flight_map.ts";

interface Watched {
  readonly dueMs: number;
  readonly expire: () => void;
}

/**
 * Watches many things that must each end within the same time: one delay for all of them, where a timer and a signal
 * each would cost more than many of the things themselves.
 *
 * @example What ends in time is passed on, what does not fails
 * ```ts
 * import { rejects as assertRejects, strictEqual as assertEquals } from "node:assert/strict";
 * import { Deadlines, ManualClock } from "@mesh/base";
 *
 * const clock = new ManualClock();
 * using deadlines = new Deadlines(clock, 1_000);
 * assertEquals(await deadlines.limit(Promise.resolve("soon"), () => new Error("too late")), "soon");
 *
 * const late = assertRejects(deadlines.limit(new Promise(() => {}), () => new Error("too late")), /too late/);
 * await clock.advance(2_000);
 * await late;
 * ```
 */
export class Deadlines implements Disposable {
  readonly #clock: Pick<Clock, "monotonicMs" | "delay">;
  readonly #limitMs: number;
  /** In the order of their beginning, hence of their end. */
  readonly #watched = new InFlightMap<number, Watched>();
  #count = 0;
  readonly #stop = new AbortController();
  #isWatching = false;

  /** @param limitMs How long each may take, in milliseconds. */
  constructor(clock: Pick<Clock, "monotonicMs" | "delay">, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /**
   * Calls back if something takes too long.
   *
   * @param expire Called at most once.
   * @returns Says that it has ended, and answers whether that was in time; `expire` is not called after that.
   */
  start(expire: () => void): () => boolean {
    const number = this.#count += 1;
    this.#watched.set(number, { dueMs: this.#clock.monotonicMs() + this.#limitMs, expire });
    if (!this.#isWatching) void this.#watch();
    return () => this.#watched.delete(number);
  }

  /**
   * Passes a result on, if it comes in time.
   *
   * @param expired Makes the error to fail with otherwise; what becomes of the work then is nobody's business any more.
   * @throws {Error} What `expired` makes, or what the work threw.
   */
  limit<T>(work: PromiseLike<T>, expired: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = this.start(() => reject(expired()));
      work.then((value) => {
        end();
        resolve(value);
      }, (error) => {
        end();
        reject(error);
      });
    });
  }

  /** Stops watching: nothing expires any more. */
  [Symbol.dispose](): void {
    this.#watched.clear();
    this.#stop.abort("disposed");
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    for (;;) {
      const [first] = this.#watched;
      if (first === undefined || this.#stop.signal.aborted) break;
      const [number, { dueMs }] = first;
      const waitMs = dueMs - this.#clock.monotonicMs();
      if (waitMs > 0) await this.#clock.delay(waitMs, this.#stop.signal);
      else this.#watched.take(number)?.expire();
    }
    this.#isWatching = false;
  }
}
