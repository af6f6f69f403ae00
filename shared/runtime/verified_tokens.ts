import { sha256 } from "@mesh/base";

/**
 * Remembers what was proven of tokens, so that the signature of one that comes again and again is checked once. What
 * depends on time or on keys is for the caller to check each time.
 *
 * Only the tokens' hashes are kept, nothing is ever known of a token that was refused, and the one that was proven longest
 * ago is forgotten first.
 */
export class VerifiedTokens<Proof> {
  readonly #countMax: number;
  readonly #proofs = new Map<string, Proof>();

  /** @param countMax Tokens remembered at most. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Tokens remembered. */
  get count(): number {
    return this.#proofs.size;
  }

  /** @returns What was proven of exactly this token, every character of it. */
  find(token: string): Proof | undefined {
    return this.#proofs.get(sha256(token));
  }

  /** Remembers what was just proven. */
  keep(token: string, proof: Proof): void {
    const hash = sha256(token);
    this.#proofs.delete(hash);
    this.#proofs.set(hash, proof);
    if (this.#proofs.size <= this.#countMax) return;
    const [oldest] = this.#proofs.keys();
    if (oldest !== undefined) this.#proofs.delete(oldest);
  }

  /** Forgets a token that is no good any more. */
  forget(token: string): void {
    this.#proofs.delete(sha256(token));
  }
}
