import type { Clock } from "@mesh/base";
import type { Store } from "@mesh/store";

/**
 * How long a process may believe in a generation that another one has replaced, in milliseconds. A rebuild looks at the
 * feeds again after twice that long.
 */
export const generationAgeMaxMs = 1_000;

/** What the generations of a service's projections are kept in. */
export interface GenerationsOptions {
  /** Names of the projections. */
  readonly projections: readonly string[];
  readonly store: Pick<Store, "readGeneration">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Which generations of each projection are written: the one that readers use and, during a rebuild here, the next. */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #current = new Map<string, number>();
  readonly #next = new Map<string, number>();
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  /** Reads again what readers use, unless that happened within the last second. */
  async refresh(): Promise<void> {
    const { projections, store, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#readAtMs < generationAgeMaxMs) return;
    for (const name of projections) this.#current.set(name, await store.readGeneration(name));
    this.#readAtMs = nowMs;
  }

  /** @returns What is to be written, by projection, what readers use first; stays as it is while a batch is planned. */
  snapshot(): ReadonlyMap<string, readonly number[]> {
    return new Map(this.#options.projections.map((name) => {
      const current = this.#current.get(name) ?? 1;
      const next = this.#next.get(name);
      return [name, next === undefined || next === current ? [current] : [current, next]];
    }));
  }

  /** From the next batch on `generation` is written, too. */
  begin(projection: string, generation: number): void {
    this.#next.set(projection, generation);
  }

  /** The next generation is the current one now, or was given up. */
  end(projection: string): void {
    this.#next.delete(projection);
    this.forget();
  }

  /** Makes the next {@link refresh} look. */
  forget(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }
}
