import { invariant } from "@mesh/base";
import type { Confirm } from "./method.ts";

/** What the broker has said about one publish of the client. */
export interface Verdict {
  /** The client's number of the publish. */
  readonly tag: number;
  readonly isNack: boolean;
}

/**
 * Keeps the client's count of publishes apart from the broker's, which differ as soon as one is sent twice, not at all or
 * in another order.
 */
export class ConfirmLedger {
  #clientCount = 0;
  #brokerCount = 0;
  /** Client's number by the broker's, in the broker's order. */
  readonly #sent = new Map<number, number>();
  /** Publishes that the client has no answer to, in its order. */
  readonly #open = new Map<number, { copyCount: number; isNacked: boolean }>();

  /** The client has published. @returns The number by which it knows the publish. */
  arrive(): number {
    const tag = this.#clientCount += 1;
    this.#open.set(tag, { copyCount: 0, isNacked: false });
    return tag;
  }

  /** A copy of a publish goes to the broker. */
  send(tag: number): void {
    const entry = this.#open.get(tag);
    invariant(entry !== undefined, `Cannot send publish ${tag}: it is answered`);
    entry.copyCount += 1;
    this.#sent.set(this.#brokerCount += 1, tag);
  }

  /** The broker has answered. @returns Publishes of which every copy is answered by now. */
  settle({ tag, isMultiple, isNack }: Confirm): readonly Verdict[] {
    const verdicts: Verdict[] = [];
    for (const brokerTag of isMultiple ? this.#sentThrough(tag) : [tag]) {
      const clientTag = this.#sent.get(brokerTag);
      if (clientTag === undefined) continue;
      this.#sent.delete(brokerTag);
      const entry = this.#open.get(clientTag)!;
      entry.copyCount -= 1;
      entry.isNacked ||= isNack;
      if (entry.copyCount === 0) verdicts.push({ tag: clientTag, isNack: entry.isNacked });
    }
    return verdicts;
  }

  /**
   * Answers publishes of the client.
   *
   * @returns What to tell: one answer for all up to a number where nothing before it is open, as the broker does it, and
   *   single ones.
   */
  answer(verdicts: readonly Verdict[]): readonly Confirm[] {
    const good = new Set(verdicts.filter(({ isNack }) => !isNack).map(({ tag }) => tag));
    const through: number[] = [];
    for (const tag of this.#open.keys()) {
      if (!good.has(tag)) break;
      through.push(tag);
    }
    const isTogether = through.length > 1;
    if (isTogether) { for (const tag of through) good.delete(tag); }
    for (const { tag } of verdicts) this.#open.delete(tag);
    return [
      ...(isTogether ? [{ tag: through.at(-1)!, isMultiple: true, isNack: false }] : []),
      ...verdicts.filter(({ tag, isNack }) => isNack || good.has(tag)).map((one) => ({ ...one, isMultiple: false })),
    ];
  }

  /** All that were sent up to a number; 0 stands for all. */
  #sentThrough(tag: number): readonly number[] {
    return [...this.#sent.keys()].filter((sent) => tag === 0 || sent <= tag);
  }
}
