import { murmur3 } from "@mesh/base";

/**
 * Remembers keys in a room that does not grow: knows for sure of a key that it was never added, and of one that was added
 * only that it may have been (a Bloom filter). A million keys make it guess wrong for one other key in twenty.
 */
export class KeySketch {
  readonly #bits = new Uint8Array(bitCount / 8);

  add(key: string): void {
    for (const bit of bitsOf(key)) this.#bits[bit >>> 3]! |= 1 << (bit & 7);
  }

  /** @returns Whether the key may have been added; always true for one that was. */
  mayHave(key: string): boolean {
    return bitsOf(key).every((bit) => (this.#bits[bit >>> 3]! & (1 << (bit & 7))) !== 0);
  }
}

/** A mebibyte; a power of two. */
const bitCount = 2 ** 23;

function bitsOf(key: string): readonly number[] {
  const bytes = encoder.encode(key);
  return [murmur3(bytes, 1) % bitCount, murmur3(bytes, 2) % bitCount];
}

const encoder = new TextEncoder();
