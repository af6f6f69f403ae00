import { seededRandom } from "./seeded_random.ts";

/** Faults of a broker in memory that a test switches on. What they do to a message they do to a whole bundle. */
export class MemoryFaults {
  #isBlocked = false;
  #droppedConfirmCount = 0;
  #heldConfirms: PromiseWithResolvers<void> | undefined;
  #latencyMs: (() => number) | undefined;
  readonly #duplicates: (string | undefined)[] = [];

  /** Whether publishing is blocked. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Blocks publishing, as for want of memory, or ends that. */
  setBlocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
  }

  /** Takes the next publish and never confirms it. */
  dropNextConfirm(): void {
    this.#droppedConfirmCount += 1;
  }

  /** Keeps back all confirms until {@link releaseConfirms} or until all connections are closed. */
  holdConfirms(): void {
    this.#heldConfirms ??= Promise.withResolvers();
  }

  /** Gives the confirms that were held. */
  releaseConfirms(): void {
    this.#heldConfirms?.resolve();
    this.#heldConfirms = undefined;
  }

  /** Delivers the next message twice: of one queue, or of whichever comes first. */
  duplicateNextDelivery(queue?: string): void {
    this.#duplicates.push(queue);
  }

  /**
   * From now on every message takes a while to reach its queue, so that messages overtake each other, those of one key
   * too.
   *
   * @param seed The same seed gives the same order.
   * @param latencyMaxMs Longest while, on the clock.
   */
  reorder(seed: number, latencyMaxMs: number): void {
    const random = seededRandom(seed);
    this.#latencyMs = () => random() * latencyMaxMs;
  }

  /** Ends what {@link reorder} began. */
  keepOrder(): void {
    this.#latencyMs = undefined;
  }

  /** Draws the time that one message takes to one queue; `undefined` for none. */
  drawLatencyMs(): number | undefined {
    return this.#latencyMs?.();
  }

  /** Whether the next delivery of a queue happens twice; used up by asking. */
  takeDuplicate(queue: string): boolean {
    const at = this.#duplicates.findIndex((wanted) => wanted === undefined || wanted === queue);
    if (at >= 0) this.#duplicates.splice(at, 1);
    return at >= 0;
  }

  /** Gives a confirm now, later or never. */
  confirm<Outcome>(outcome: Outcome): Outcome | Promise<Outcome> {
    if (this.#droppedConfirmCount > 0) {
      this.#droppedConfirmCount -= 1;
      return new Promise(() => {});
    }
    return this.#heldConfirms === undefined ? outcome : this.#heldConfirms.promise.then(() => outcome);
  }
}
