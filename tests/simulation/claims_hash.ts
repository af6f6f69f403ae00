import type { EnvelopeClaims } from "@mesh/envelope";

/**
 * Hashes what envelopes say, in the form of a SHA-256 in base64url: what was not said before gets the next number. Two hashes
 * of one book are the same exactly if the claims are, in their order.
 */
export class ClaimsHashes {
  /** By message id, which is among the claims: only what bears the same id can say the same, and has to be compared. */
  readonly #said = new Map<string, Said[]>();
  #count = 0;

  /** @returns `undefined` for what is best left to the real codec: data over `lengthMax` characters or beyond ASCII. */
  of(claims: EnvelopeClaims, lengthMax: number): string | undefined {
    const data = JSON.stringify(claims.dat);
    if (data.length > lengthMax || beyondAscii.test(data)) return undefined;
    const said = this.#said.get(claims.jti);
    const known = said === undefined ? undefined : findSaid(said, claims);
    if (known !== undefined) return known.hash;
    const hash = padding + this.#count.toString(16).padStart(hashDigits, "0");
    this.#count += 1;
    if (said === undefined) this.#said.set(claims.jti, [{ claims, hash }]);
    else said.push({ claims, hash });
    return hash;
  }

  /** Forgets all claims. */
  clear(): void {
    this.#said.clear();
    this.#count = 0;
  }
}

/** Digits in which two hashes differ; the rest is padding. */
export const hashDigits = 8;

interface Said {
  readonly claims: EnvelopeClaims;
  readonly hash: string;
}

function findSaid(said: readonly Said[], claims: EnvelopeClaims): Said | undefined {
  const text = JSON.stringify(claims);
  return said.find((before) => JSON.stringify(before.claims) === text);
}

const padding = "A".repeat(43 - hashDigits);
const beyondAscii = /[^ -~]/;
