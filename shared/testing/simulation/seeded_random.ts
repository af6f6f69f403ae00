/** Chance that repeats: the same seed draws the same numbers. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  /** @param seed A whole number. @param stream Tells streams of one seed apart. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) ^ 0x9e3779b9;
    this.#c = stream ^ 0x243f6a88;
    for (let round = 0; round < 12; round += 1) this.#draw();
  }

  /** @returns A number in [0, 1). */
  next(): number {
    return this.#draw() / 2 ** 32;
  }

  /** @returns A whole number from 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** @returns A number from `from` to below `to`. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** @returns Whether something of this probability happens. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** @returns One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Small fast counter, Chris Doty-Humphrey, public domain. */
  #draw(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
