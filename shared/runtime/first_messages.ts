/** Empty streams in a row after which a type of message is taken for one that actors begin with. */
const enough = 16;

/**
 * Learns which types of message actors begin with, so that nobody has to ask the database for what is not there.
 *
 * It only ever guesses: whoever acts on it asserts that the stream is empty when committing.
 */
export class FirstMessages {
  /** Empty streams in a row, by type of message. */
  readonly #streaks = new Map<string, number>();

  /** Whether the last 16 streams that had to be loaded for this type were all empty. */
  isFirst(type: string): boolean {
    return (this.#streaks.get(type) ?? 0) >= enough;
  }

  /** Notes what was loaded for a message, or that a guess was wrong. */
  observe(type: string, wasEmpty: boolean): void {
    this.#streaks.set(type, wasEmpty ? (this.#streaks.get(type) ?? 0) + 1 : 0);
  }
}
