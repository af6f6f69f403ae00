import { type Clock, errorText } from "@mesh/base";
import type { Log } from "@mesh/runtime";
import { encodeProgressId, progressIdOf } from "./progress_id.ts";
import type { OrderRow } from "./projections/order_row.ts";
import type { Read, ReadModels } from "./read_models.ts";

/** Time between two looks when nobody wakes the watch, in milliseconds. */
export const pollMs = 1_000;

/** One reader who waits for an order to change. */
export interface OrderWatcher extends Disposable {
  /**
   * Waits for news.
   *
   * @param withinMs Longest wait.
   * @param signal Ends the wait.
   * @returns The order as it stands now, or `undefined` when nothing has changed by then.
   */
  next(withinMs: number, signal: AbortSignal): Promise<Read<OrderRow> | undefined>;
}

interface Waiting {
  readonly orderId: string;
  /** Id of the progress that the reader has seen. */
  seenId: string;
  news: Read<OrderRow> | undefined;
  wake: () => void;
}

/** What the watch needs. */
export interface OrderWatchOptions {
  readonly models: Pick<ReadModels, "loadOrders">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reads the orders that somebody watches, all with one query: when it is woken, and once a second. */
export class OrderWatch {
  readonly #options: OrderWatchOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #closing = new AbortController();
  #wake = new AbortController();

  constructor(options: OrderWatchOptions) {
    this.#options = options;
  }

  /** Readers at this moment. */
  get count(): number {
    return this.#waiting.size;
  }

  /** Whether {@link run} has ended: nobody will bring news any more. */
  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Says that rows may have changed. */
  wake(): void {
    this.#wake.abort();
  }

  /** @param seenId Progress that the reader knows already. */
  open(orderId: string, seenId: string): OrderWatcher {
    const entry: Waiting = { orderId, seenId, news: undefined, wake: () => {} };
    this.#waiting.add(entry);
    // What happened since the reader looked is news, too.
    this.wake();
    return {
      next: (withinMs, signal) => this.#next(entry, withinMs, signal),
      [Symbol.dispose]: () => {
        this.#waiting.delete(entry);
      },
    };
  }

  /** Looks until the signal aborts; then every reader's wait ends, so that a server can stop. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      // Armed before the look: a change during it leads to another.
      this.#wake = new AbortController();
      try {
        await this.#look();
      } catch (error) {
        log.debug("Cannot read watched orders: {error}", { error: errorText(error) });
      }
      await clock.delay(pollMs, AbortSignal.any([signal, this.#wake.signal]));
    }
    this.#closing.abort();
  }

  async #look(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const orderIds = [...new Set([...this.#waiting].map(({ orderId }) => orderId))];
    const found = new Map((await this.#options.models.loadOrders(orderIds)).map((read) => [read.key, read]));
    for (const entry of this.#waiting) {
      const read = found.get(entry.orderId);
      if (read === undefined) continue;
      const id = encodeProgressId(progressIdOf(read.key, read.seen));
      if (id === entry.seenId) continue;
      entry.seenId = id;
      entry.news = read;
      entry.wake();
    }
  }

  async #next(entry: Waiting, withinMs: number, signal: AbortSignal): Promise<Read<OrderRow> | undefined> {
    if (entry.news === undefined) {
      const news = new AbortController();
      entry.wake = () => news.abort();
      await this.#options.clock.delay(withinMs, AbortSignal.any([signal, news.signal, this.#closing.signal]));
      entry.wake = () => {};
    }
    const read = entry.news;
    entry.news = undefined;
    return read;
  }
}
