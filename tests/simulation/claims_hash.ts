/**
 * Hashes what envelopes say, in the form of a SHA-256 in base64url: each new text has the next number. Of one book two
 * hashes are the same exactly if the claims are, in their order.
 */
export class ClaimsHashes {
  /** By the claims as JSON: the engine writes, hashes and compares texts faster than anything written here walks objects. */
  readonly #known = new Map<string, string>();

  /** @returns `undefined` for what is best left to the real codec: over `lengthMax` characters, or some beyond ASCII. */
  of(claims: object, lengthMax: number): string | undefined {
    const text = JSON.stringify(claims);
    let hash = this.#known.get(text);
    if (hash !== undefined) return hash;
    if (text.length > lengthMax || beyondAscii.test(text)) return undefined;
    hash = padding + this.#known.size.toString(16).padStart(hashDigits, "0");
    this.#known.set(text, hash);
    return hash;
  }

  /** Forgets all claims. */
  clear(): void {
    this.#known.clear();
  }
}

/** Digits in which two hashes differ; the rest is padding. */
export const hashDigits = 8;

const padding = "A".repeat(43 - hashDigits);
const beyondAscii = /[^ -~]/;
