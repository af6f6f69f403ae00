/** One direction of a connection: what flows can be held back and let go, in its order. */
export class Valve {
  readonly #held: (() => void)[] = [];
  #isHeld = false;

  /** Whether what flows is held back. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Does it now, or once everything before it has been let go. */
  pass(action: () => void): void {
    if (this.#isHeld) this.#held.push(action);
    else action();
  }

  /** Holds back from now on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Lets go. */
  release(): void {
    this.#isHeld = false;
    for (const action of this.#held.splice(0)) action();
  }
}
