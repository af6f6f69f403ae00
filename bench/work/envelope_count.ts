import { bundleContentType, decodeBundle } from "@mesh/broker";

/** What receivers were brought. */
export interface EnvelopeCount {
  /** Messages of the broker, a bundle being one: copies in queues. */
  readonly messages: number;
  readonly envelopes: number;
  /** Signatures that each receiver had to check, in all: envelopes of one batch share one. */
  readonly toVerify: number;
}

/** Counts envelopes by receiver, and remembers whose signature each bears. */
export class EnvelopeCounter {
  readonly #seen = new Map<string, Set<string>>();
  #messages = 0;
  #envelopes = 0;

  /** Notes what lay in a queue of a receiver. */
  note(receiver: string, body: Uint8Array, contentType: string | undefined): void {
    const bodies = contentType === bundleContentType ? decodeBundle(body)?.map((each) => each.body) : [body];
    this.#messages += 1;
    const known = this.#seen.get(receiver) ?? new Set();
    for (const each of bodies ?? []) {
      this.#envelopes += 1;
      known.add(signatureOf(new TextDecoder().decode(each)));
    }
    this.#seen.set(receiver, known);
  }

  /** @returns All signatures that were seen, each once. */
  signatures(): ReadonlySet<string> {
    return new Set([...this.#seen.values()].flatMap((known) => [...known]));
  }

  count(): EnvelopeCount {
    const toVerify = [...this.#seen.values()].reduce((sum, known) => sum + known.size, 0);
    return { messages: this.#messages, envelopes: this.#envelopes, toVerify };
  }
}

/**
 * Finds the signature that an envelope bears: its own, or the one of its batch.
 *
 * @example Envelopes of a batch say behind the signature where they stand in it
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { signatureOf } from "./envelope_count.ts";
 *
 * assertEquals(["h.p1.s~0~2~abc", "h.p2.s~1~2~def", "h.p3.t"].map(signatureOf), ["s", "s", "t"]);
 * ```
 */
export function signatureOf(token: string): string {
  return token.slice(token.lastIndexOf(".") + 1).split("~", 1)[0]!;
}
