import process from "node:process";

/** Takes what has come in the meantime as one batch: it grows while the one before is under way. */
export class Batcher<Item> {
  readonly #take: (items: readonly Item[]) => Promise<void>;
  #waiting: Item[] = [];
  #isBusy = false;

  /** @param take Handles one batch; what it throws ends the process. */
  constructor(take: (items: readonly Item[]) => Promise<void>) {
    this.#take = take;
  }

  push(item: Item): void {
    this.#waiting.push(item);
    if (this.#isBusy) return;
    this.#isBusy = true;
    // What arrived in the same read of the socket goes along.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#take(this.#waiting.splice(0, batchMax));
      this.#isBusy = false;
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  }
}

/** 64: as many as the mesh takes in one turn. */
const batchMax = 64;
