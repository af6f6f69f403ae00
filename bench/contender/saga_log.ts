import { latencyOf } from "../figures/percentiles.ts";
import type { LoadLatency } from "./protocol.ts";

/** Faults kept at most; the first ones tell the story. */
const faultsMax = 10;

/** Remembers when sagas began and ended. */
export class SagaLog {
  readonly #durations: { readonly beginMs: number; readonly endMs: number }[] = [];
  readonly #faults: string[] = [];
  #started = 0;
  #ended = 0;
  #failed = 0;

  /** Notes that one more is under way. */
  begin(): void {
    this.#started += 1;
  }

  /** Notes the end of a saga that was to begin at `beginMs`; both in milliseconds of the load's clock. */
  end(beginMs: number, endMs: number): void {
    this.#ended += 1;
    this.#durations.push({ beginMs, endMs });
  }

  /** Notes a saga that did not end as it was to. */
  fail(reason: string): void {
    this.#ended += 1;
    this.#failed += 1;
    if (this.#faults.length < faultsMax) this.#faults.push(reason);
  }

  get started(): number {
    return this.#started;
  }

  /** Sagas that have ended, well or not. */
  get ended(): number {
    return this.#ended;
  }

  get underWay(): number {
    return this.#started - this.#ended;
  }

  /** Whether so many have failed that going on makes no sense. */
  get isHopeless(): boolean {
    return this.#failed >= faultsMax;
  }

  get faults(): readonly string[] {
    return this.#failed > this.#faults.length ? [...this.#faults, `${this.#failed} sagas failed`] : this.#faults;
  }

  /** Counts the sagas that ended well between two moments. */
  countEnded(fromMs: number, untilMs: number): number {
    return this.#durations.filter(({ endMs }) => endMs >= fromMs && endMs < untilMs).length;
  }

  /**
   * Latency of the sagas that began (open loop) or ended (closed loop) between two moments.
   *
   * @returns `undefined` where there was none.
   */
  latency(by: "beginMs" | "endMs", fromMs: number, untilMs: number): LoadLatency | undefined {
    const chosen = this.#durations.filter((saga) => saga[by] >= fromMs && saga[by] < untilMs);
    return chosen.length === 0 ? undefined : latencyOf(chosen.map(({ beginMs, endMs }) => endMs - beginMs));
  }
}
