interface Waiting<Found> {
  readonly key: string;
  readonly answer: PromiseWithResolvers<Found | undefined>;
}

/** Queries at the same time: while one waits for a connection that has died, the next one goes past it. */
const runningMax = 2;

/**
 * Finds what is asked for at the same time with one query: what is asked while queries are under way goes into the next
 * one. Whoever asks alone waits for nobody, and nobody gets what was read before they asked.
 *
 * ```ts
 * import { LoadTogether } from "@mesh/base";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const queries: (readonly string[])[] = [];
 * const prices = new LoadTogether<number>((skus) => {
 *   queries.push(skus);
 *   return Promise.resolve(new Map(skus.map((sku) => [sku, 450])));
 * });
 * deepStrictEqual(await Promise.all([prices.find("TEA"), prices.find("CUP"), prices.find("TEA")]), [450, 450, 450]);
 * deepStrictEqual(queries, [["TEA", "CUP"]]);
 * ```
 */
export class LoadTogether<Found> {
  readonly #load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Found>>;
  #waiting: Waiting<Found>[] = [];
  #runningCount = 0;
  readonly #keysMax: number;

  /**
   * @param load Finds by keys, each named once; what it does not find is absent.
   * @param options Keys of one query at most; 256 by default.
   */
  constructor(
    load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Found>>,
    { keysMax = 256 }: { readonly keysMax?: number } = {},
  ) {
    this.#load = load;
    this.#keysMax = keysMax;
  }

  /** @returns `undefined` if there is nothing under the key. @throws Whatever the query threw. */
  find(key: string): Promise<Found | undefined> {
    const answer = Promise.withResolvers<Found | undefined>();
    this.#waiting.push({ key, answer });
    if (this.#runningCount < runningMax) void this.#run();
    return answer.promise;
  }

  /** @returns What there is, in the order of the keys. */
  async findAll(keys: readonly string[]): Promise<readonly Found[]> {
    const found = await Promise.all(keys.map((key) => this.find(key)));
    return found.filter((each) => each !== undefined);
  }

  async #run(): Promise<void> {
    this.#runningCount += 1;
    // Whoever asks for several things asks for all of them before this.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.slice(0, this.#keysMax);
      this.#waiting = this.#waiting.slice(this.#keysMax);
      await this.#answer(group);
    }
    this.#runningCount -= 1;
  }

  async #answer(group: readonly Waiting<Found>[]): Promise<void> {
    try {
      const found = await this.#load([...new Set(group.map(({ key }) => key))]);
      for (const { key, answer } of group) answer.resolve(found.get(key));
    } catch (error) {
      for (const { answer } of group) answer.reject(error);
    }
  }
}
