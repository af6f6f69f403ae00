import type { Clock } from "@mesh/base";

/**
 * The database's clock, as far as this process knows it: the time of the last commit plus what has passed since on the
 * monotonic clock. Decisions use no other, so a wrong or jumping wall clock changes nothing.
 */
export class DatabaseClock {
  readonly #clock: Clock;
  #databaseMs = 0;
  #atMs = 0;

  constructor(clock: Clock, databaseMs: number) {
    this.#clock = clock;
    this.observe(databaseMs);
  }

  /** @param databaseMs What the database said just now, in milliseconds since 1970. */
  observe(databaseMs: number): void {
    this.#databaseMs = databaseMs;
    this.#atMs = this.#clock.monotonicMs();
  }

  /** @returns Milliseconds since 1970. */
  nowMs(): number {
    return Math.floor(this.#databaseMs + (this.#clock.monotonicMs() - this.#atMs));
  }
}
