import { type Clock, errorCode, errorText, MeshError } from "@mesh/base";
import { bundleKeyOf, type Publisher } from "@mesh/broker";
import type { OutboxEntry, Store } from "@mesh/store";
import { resentHeader } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import type { RuntimeSettings } from "./settings.ts";

/** What the publisher needs. */
export interface OutboxPublisherOptions {
  readonly publisher: Publisher;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** Mailbox partitions of each service. */
  readonly partitions: number;
  readonly settings: Pick<
    RuntimeSettings,
    "confirmWindow" | "publisherBacklogMax" | "sweepAfterMs" | "sweepEveryMs" | "leaseMs"
  >;
}

interface Held {
  readonly entry: OutboxEntry;
  /** Commit order in this process. */
  readonly sequence: number;
}

/**
 * Publishes committed envelopes straight from memory, in commit order, within a window of confirms; a sweep takes up
 * what a crash or a full memory left in the outbox.
 *
 * A row that was nacked or returned waits with back-off in the store and holds back only later rows of its own order
 * key. After a lost connection everything unconfirmed is published again, the oldest first.
 */
export class OutboxPublisher {
  readonly #options: OutboxPublisherOptions;
  #waiting: Held[] = [];
  readonly #unconfirmed = new Map<number, Held>();
  /** Rows in memory, by id, so that the sweep does not take them twice. */
  readonly #held = new Set<string>();
  #confirmed: string[] = [];
  #failed: string[] = [];
  #sequence = 0;
  #failuresInARow = 0;
  #isPaused = false;
  #stopping = new AbortController();
  #wakeFlush: () => void = () => {};
  #idle: (() => void)[] = [];

  constructor(options: OutboxPublisherOptions) {
    this.#options = options;
  }

  /** Rows in memory, waiting or under way. */
  get backlogCount(): number {
    return this.#held.size;
  }

  /** Takes over committed rows. What exceeds the bound stays in the store for the sweep. */
  enqueue(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) {
      if (this.#held.size >= this.#options.settings.publisherBacklogMax) break;
      if (this.#held.has(entry.id)) continue;
      this.#held.add(entry.id);
      this.#waiting.push({ entry, sequence: this.#sequence++ });
    }
    this.#pump();
  }

  /** Hands confirmed rows to the next commit, which deletes or re-times them. */
  takeConfirmed(): readonly string[] {
    const taken = this.#confirmed;
    this.#confirmed = [];
    return taken;
  }

  /** Takes back what a failed commit did not settle. */
  giveBack(confirmed: readonly string[]): void {
    this.#confirmed.push(...confirmed);
  }

  /** Runs the sweep and settles what no commit took along, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#stopping.abort(), { once: true });
    await Promise.all([this.#sweepLoop(signal), this.#settleLoop(signal)]);
  }

  /** Waits until memory is empty and everything is settled, or `signal` aborts. */
  async flush(signal: AbortSignal): Promise<void> {
    while (this.#held.size > 0 && !signal.aborted) {
      await Promise.race([
        new Promise<void>((resolve) => this.#idle.push(resolve)),
        this.#options.clock.delay(50, signal),
      ]);
    }
    await this.#settle();
  }

  #pump(): void {
    const { settings, publisher } = this.#options;
    while (
      !this.#isPaused && !publisher.isBlocked && this.#waiting.length > 0 &&
      this.#unconfirmed.size < settings.confirmWindow
    ) {
      const held = this.#waiting.shift()!;
      this.#unconfirmed.set(held.sequence, held);
      void this.#publish(held);
    }
  }

  async #publish(held: Held): Promise<void> {
    const { publisher, meter, log, partitions } = this.#options;
    const { entry } = held;
    const bundleKey = bundleKeyOf(entry.routingKey, partitions);
    try {
      const outcome = await publisher.publish({
        exchange: entry.exchange,
        routingKey: entry.routingKey,
        body: encoder.encode(entry.envelope),
        messageId: entry.messageId,
        type: entry.type,
        correlationId: entry.correlation,
        isMandatory: entry.isMandatory,
        orderKey: entry.orderKey,
        ...(bundleKey === undefined ? {} : { bundleKey }),
        // Tells the receiver to look first whether it has it already; see `isSuspect`.
        headers: entry.sentCount > 0 ? { ...entry.headers, [resentHeader]: String(entry.sentCount) } : entry.headers,
      });
      this.#unconfirmed.delete(held.sequence);
      meter.published(entry.type, outcome);
      this.#failuresInARow = 0;
      if (outcome === "confirmed") this.#note(this.#confirmed, held);
      else {
        log.warn("Envelope {type} was {outcome}; it waits and is published again", { type: entry.type, outcome });
        this.#fail(held);
      }
    } catch (error) {
      this.#unconfirmed.delete(held.sequence);
      if (errorCode(error) === "dependency.unavailable" && !refusals.has(reasonOf(error))) this.#retreat(held);
      else {
        log.error("Cannot publish {type}: {error}", { type: entry.type, error: errorText(error) });
        this.#fail(held);
      }
    }
    this.#pump();
  }

  /** The outcome is unknown: publish it again, before everything younger, once the broker answers. */
  #retreat(held: Held): void {
    const at = this.#waiting.findIndex(({ sequence }) => sequence > held.sequence);
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, held);
    if (this.#isPaused) return;
    this.#isPaused = true;
    const waitMs = Math.min(100 * 2 ** this.#failuresInARow++, 5_000);
    void this.#options.clock.delay(waitMs, this.#stopping.signal).then(() => {
      this.#isPaused = false;
      this.#pump();
    });
  }

  /** Leaves a refused row, and what must not overtake it, to the sweep. */
  #fail(held: Held): void {
    const { orderKey } = held.entry;
    const behind = this.#waiting.filter(({ entry }) => entry.orderKey === orderKey);
    if (behind.length > 0) this.#waiting = this.#waiting.filter(({ entry }) => entry.orderKey !== orderKey);
    for (const one of [held, ...behind]) this.#note(this.#failed, one);
  }

  #note(list: string[], { entry }: Held): void {
    list.push(entry.id);
    this.#held.delete(entry.id);
    if (this.#held.size === 0) { for (const wake of this.#idle.splice(0)) wake(); }
    this.#wakeFlush();
  }

  async #settleLoop(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      if (this.#confirmed.length === 0 && this.#failed.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wakeFlush = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      // The next turn usually takes the confirms along; this is for when there is none.
      await clock.delay(100, signal);
      try {
        await this.#settle();
      } catch (error) {
        log.warn("Cannot settle the outbox: {error}", { error: errorText(error) });
        await clock.delay(1_000, signal);
      }
    }
  }

  async #settle(): Promise<void> {
    const confirmed = this.takeConfirmed();
    const failed = this.#failed;
    this.#failed = [];
    if (confirmed.length === 0 && failed.length === 0) return;
    try {
      await this.#options.store.settleOutbox({ confirmed, failed });
    } catch (error) {
      this.#confirmed.push(...confirmed);
      this.#failed.push(...failed);
      throw error;
    }
  }

  async #sweepLoop(signal: AbortSignal): Promise<void> {
    const { store, clock, log, settings } = this.#options;
    while (!signal.aborted) {
      await clock.delay(settings.sweepEveryMs, signal);
      if (signal.aborted) return;
      this.#pump();
      if (this.#isPaused || this.#held.size > settings.publisherBacklogMax / 2) continue;
      try {
        const claimed = await store.claimOutbox({
          limit: 500,
          olderThanMs: settings.sweepAfterMs,
          leaseMs: settings.leaseMs,
        });
        if (claimed.length > 0) log.debug("Sweep took up {count} outbox rows", { count: claimed.length });
        this.enqueue(claimed);
      } catch (error) {
        log.warn("Cannot sweep the outbox: {error}", { error: errorText(error) });
      }
    }
  }
}

/** What this very publish met; trying it again at once would meet it again, and close the channel under the others. */
const refusals: ReadonlySet<string> = new Set(["access-refused", "not-found", "precondition-failed"]);

function reasonOf(error: unknown): string {
  return error instanceof MeshError ? error.reason : "";
}

const encoder = new TextEncoder();
