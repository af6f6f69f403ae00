import { type Clock, errorText } from "@mesh/base";
import type { Log } from "@mesh/runtime";
import { encodeProgressId, progressIdOf } from "./progress_id.ts";
import type { OrderRow } from "./projections/order_row.ts";
import type { Read, ReadModels } from "./read_models.ts";

/** Time between two looks at all orders when nobody wakes the watch, in milliseconds. */
export const pollMs = 1_000;

/**
 * Time between two looks at all orders in any case, in milliseconds. Every commit of every replica wakes the watch; without
 * this each would read all orders that anybody watches, and one more watcher would make all others dearer.
 */
export const allEveryMs = 100;

/** Why a wait ended; without a reason the platform would make an error with a stack, which costs more than the wait. */
const woken = "woken";

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

/**
 * Reads the orders that somebody watches, as few as can be: those that are known to have changed at once, all others (which
 * another replica may have written) now and then.
 */
export class OrderWatch {
  readonly #options: OrderWatchOptions;
  /** Readers by order. */
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #closing = new AbortController();
  /** Orders to be looked at now. */
  readonly #due = new Set<string>();
  #isAllDue = false;
  #allReadAtMs = Number.NEGATIVE_INFINITY;
  #wake = new AbortController();

  constructor(options: OrderWatchOptions) {
    this.#options = options;
  }

  /** Readers at this moment. */
  get count(): number {
    return [...this.#waiting.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether {@link run} has ended: nobody will bring news any more. */
  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @param orderIds Orders that have changed, watched or not; any may have when absent. */
  wake(orderIds?: readonly string[]): void {
    const watched = orderIds?.filter((orderId) => this.#waiting.has(orderId)) ?? [];
    const isNewToAll = orderIds === undefined && this.#waiting.size > 0 && !this.#isAllDue;
    if (watched.length === 0 && !isNewToAll) return;
    for (const orderId of watched) this.#due.add(orderId);
    if (isNewToAll) this.#isAllDue = true;
    this.#wake.abort(woken);
  }

  /** @param seenId Progress that the reader knows already. */
  open(orderId: string, seenId: string): OrderWatcher {
    const entry: Waiting = { orderId, seenId, news: undefined, wake: () => {} };
    const entries = this.#waiting.get(orderId) ?? new Set();
    this.#waiting.set(orderId, entries.add(entry));
    // What happened since the reader looked is news, too.
    this.wake([orderId]);
    return {
      next: (withinMs, signal) => this.#next(entry, withinMs, signal),
      [Symbol.dispose]: () => {
        entries.delete(entry);
        if (entries.size === 0) this.#waiting.delete(orderId);
      },
    };
  }

  /** Looks until the signal aborts; then every reader's wait ends, so that a server can stop. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    signal.addEventListener("abort", () => this.#wake.abort(woken), { once: true });
    while (!signal.aborted) {
      // Armed before the look: a change during it leads to another.
      this.#wake = new AbortController();
      try {
        await this.#look(this.#takeDue(clock.monotonicMs()));
      } catch (error) {
        log.debug("Cannot read watched orders: {error}", { error: errorText(error) });
      }
      if (signal.aborted) break;
      const untilMs = this.#allReadAtMs + (this.#isAllDue ? allEveryMs : pollMs);
      await clock.delay(Math.max(0, untilMs - clock.monotonicMs()), this.#wake.signal);
    }
    this.#closing.abort(woken);
    for (const entries of this.#waiting.values()) for (const entry of entries) entry.wake();
  }

  #takeDue(nowMs: number): readonly string[] {
    if (nowMs - this.#allReadAtMs >= (this.#isAllDue ? allEveryMs : pollMs)) {
      this.#allReadAtMs = nowMs;
      this.#isAllDue = false;
      for (const orderId of this.#waiting.keys()) this.#due.add(orderId);
    }
    const due = [...this.#due];
    this.#due.clear();
    return due;
  }

  async #look(orderIds: readonly string[]): Promise<void> {
    if (orderIds.length === 0) return;
    for (const read of await this.#options.models.loadOrders(orderIds)) {
      const id = encodeProgressId(progressIdOf(read.key, read.seen));
      for (const entry of this.#waiting.get(read.key) ?? []) {
        if (id === entry.seenId) continue;
        entry.seenId = id;
        entry.news = read;
        entry.wake();
      }
    }
  }

  async #next(entry: Waiting, withinMs: number, signal: AbortSignal): Promise<Read<OrderRow> | undefined> {
    if (entry.news === undefined && !signal.aborted && !this.isClosed) {
      const news = new AbortController();
      entry.wake = () => news.abort(woken);
      signal.addEventListener("abort", entry.wake, { once: true });
      await this.#options.clock.delay(withinMs, news.signal);
      signal.removeEventListener("abort", entry.wake);
      entry.wake = () => {};
    }
    const read = entry.news;
    entry.news = undefined;
    return read;
  }
}
