import { type Clock, UnavailableError } from "@mesh/base";

/** When to stop calling, and for how long. */
export interface CircuitBreakerOptions {
  /** Failures in a row after which nothing is called any more. */
  readonly failuresMax: number;
  /** Time after which one call tries whether it goes again, in milliseconds. */
  readonly openMs: number;
}

/** Stops calling a dependency that fails again and again, and lets one call at a time try whether it is back. */
export class CircuitBreaker {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #options: CircuitBreakerOptions;
  #failuresInARow = 0;
  #openedAtMs: number | undefined;
  #isTrying = false;

  /** @param clock Only its monotonic time counts: a wall clock that jumps back must not keep the circuit open. */
  constructor(clock: Pick<Clock, "monotonicMs">, options: CircuitBreakerOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * Calls, unless the circuit is open.
   *
   * @throws {UnavailableError} With reason `circuit-open` if it was not called; else whatever the call throws.
   */
  async execute<T>(call: () => Promise<T>): Promise<T> {
    const isTrial = this.#openedAtMs !== undefined;
    if (isTrial) this.#beginTrial();
    try {
      const result = await call();
      this.#failuresInARow = 0;
      this.#openedAtMs = undefined;
      return result;
    } catch (error) {
      this.#failuresInARow += 1;
      const isOpening = this.#openedAtMs === undefined && this.#failuresInARow >= this.#options.failuresMax;
      if (isTrial || isOpening) this.#openedAtMs = this.#clock.monotonicMs();
      throw error;
    } finally {
      if (isTrial) this.#isTrying = false;
    }
  }

  #beginTrial(): void {
    const isTooEarly = this.#clock.monotonicMs() - this.#openedAtMs! < this.#options.openMs;
    if (isTooEarly || this.#isTrying) {
      throw new UnavailableError("Cannot call: it has failed too often in a row, and is left alone for a while", {
        reason: circuitOpen,
      });
    }
    this.#isTrying = true;
  }
}

/** Reason of the error for a call that was not made. */
export const circuitOpen = "circuit-open";
