import type { Clock } from "@mesh/base";
import type { Owner, Scheduler } from "./scheduler.ts";

/** Where virtual time starts, in milliseconds since 1970. */
export const epochMs: number = Date.UTC(2026, 0, 1);

/** Time as one process, or one database, sees it: virtual, with a wall clock that may be wrong. */
export class VirtualClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #owner: Owner | undefined;
  /** How far the wall clock is off, in milliseconds. */
  skewMs = 0;

  /** @param owner Whose delays these are: they never end for a dead one. */
  constructor(scheduler: Scheduler, owner?: Owner) {
    this.#scheduler = scheduler;
    this.#owner = owner;
  }

  nowMs(): number {
    return epochMs + this.#scheduler.nowMs + this.skewMs;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  delay(durationMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || durationMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      if (signal === undefined) {
        this.#scheduler.after(durationMs, this.#owner, resolve);
        return;
      }
      const abort = () => {
        planned.run = undefined;
        resolve();
      };
      const planned = this.#scheduler.after(durationMs, this.#owner, () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
