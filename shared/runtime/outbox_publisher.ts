import { Buffer } from "node:buffer";
import { type Clock, errorCode, errorText, InFlightMap, MeshError } from "@mesh/base";
import { bundleKeyOf, type Publisher } from "@mesh/broker";
import type { OutboxEntry, Store, TurnWrites } from "@mesh/store";
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
  /** Whether other processes publish out of the same outbox; no when absent. */
  readonly hasReplicas?: boolean;
  readonly settings: Pick<
    RuntimeSettings,
    "confirmWindow" | "publisherBacklogMax" | "sweepAfterMs" | "sweepEveryMs" | "leaseMs"
  >;
}

/** Rows whose publish the broker has confirmed, for the next commit: see `TurnWrites`. */
export interface SettledRows {
  readonly confirmed: readonly string[];
  readonly awaiting: readonly string[];
}

/** No rows. */
export const noneSettled: SettledRows = Object.freeze({ confirmed: [], awaiting: [] });

/** A command that the broker has and nobody has answered yet. */
interface Awaiting {
  readonly id: string;
  readonly messageId: string;
  readonly sinceMs: number;
}

/**
 * 2 s: most commands are answered sooner, and their rows are gone then without having been re-timed. Well below the time
 * after which a sweep would take such a row for forgotten.
 */
const awaitingMs = 2_000;

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
  readonly #unconfirmed = new InFlightMap<number, Held>();
  /** Rows in memory, by id, so that the sweep does not take them twice. */
  readonly #held = new Set<string>();
  #confirmed: string[] = [];
  /** By message id, in the order of their confirms. */
  readonly #awaiting = new Map<string, Awaiting>();
  #failed: string[] = [];
  #sequence = 0;
  #failuresInARow = 0;
  /** Whom a lost connection has made wait; absent while publishing goes on. */
  #pause: object | undefined;
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

  /** Takes over what a turn has committed: what it sends, and which commands it has ended. */
  committed({ outbox, answered }: Pick<TurnWrites, "outbox" | "answered">): void {
    for (const messageId of answered) this.#awaiting.delete(messageId);
    this.enqueue(outbox);
  }

  /** Says that the connection to the broker stands again: what waited for it goes at once. */
  reconnected(): void {
    this.#failuresInARow = 0;
    this.#resume();
  }

  /** Hands confirmed rows to the next commit, which deletes or re-times them. */
  takeSettled(): SettledRows {
    const awaiting = this.#takeAwaiting(this.#options.clock.monotonicMs() - awaitingMs);
    if (this.#confirmed.length === 0 && awaiting.length === 0) return noneSettled;
    const confirmed = this.#confirmed;
    this.#confirmed = [];
    return { confirmed, awaiting };
  }

  /** Takes back what a failed commit did not settle. */
  giveBack({ confirmed, awaiting }: SettledRows): void {
    this.#confirmed.push(...confirmed);
    // Whoever answers them meanwhile deletes the row, and re-timing what is gone does nothing.
    for (const id of awaiting) this.#awaiting.set(id, { id, messageId: id, sinceMs: -Infinity });
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
    await this.settleAll();
  }

  /** Notes every confirm in the store, those of commands included that may still be answered soon. */
  settleAll(): Promise<void> {
    return this.#settle(Infinity);
  }

  #pump(): void {
    const { settings, publisher } = this.#options;
    while (
      this.#pause === undefined && !publisher.isBlocked && this.#waiting.length > 0 &&
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
        body: Buffer.from(entry.envelope),
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
      if (outcome === "confirmed") this.#noteConfirmed(held);
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
    if (this.#pause !== undefined) return;
    const pause = {};
    this.#pause = pause;
    const waitMs = Math.min(100 * 2 ** this.#failuresInARow++, 5_000);
    void this.#options.clock.delay(waitMs, this.#stopping.signal).then(() => {
      if (this.#pause === pause) this.#resume();
    });
  }

  #resume(): void {
    this.#pause = undefined;
    this.#pump();
  }

  /** Leaves a refused row, and what must not overtake it, to the sweep. */
  #fail(held: Held): void {
    const { orderKey } = held.entry;
    const behind = this.#waiting.filter(({ entry }) => entry.orderKey === orderKey);
    if (behind.length > 0) this.#waiting = this.#waiting.filter(({ entry }) => entry.orderKey !== orderKey);
    for (const one of [held, ...behind]) this.#note(this.#failed, one);
  }

  #noteConfirmed(held: Held): void {
    const { id, messageId, kind } = held.entry;
    if (kind !== "command") return this.#note(this.#confirmed, held);
    this.#awaiting.set(messageId, { id, messageId, sinceMs: this.#options.clock.monotonicMs() });
    this.#release(held);
  }

  /** @returns Rows of commands that were confirmed before then and are unanswered. */
  #takeAwaiting(untilMs: number): readonly string[] {
    const due: string[] = [];
    for (const { id, messageId, sinceMs } of this.#awaiting.values()) {
      if (sinceMs > untilMs) break;
      this.#awaiting.delete(messageId);
      due.push(id);
    }
    return due;
  }

  #note(list: string[], held: Held): void {
    list.push(held.entry.id);
    this.#release(held);
  }

  #release({ entry }: Held): void {
    this.#held.delete(entry.id);
    if (this.#held.size === 0) { for (const wake of this.#idle.splice(0)) wake(); }
    this.#wakeFlush();
  }

  async #settleLoop(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    signal.addEventListener("abort", () => this.#wakeFlush(), { once: true });
    while (!signal.aborted) {
      if (this.#confirmed.length === 0 && this.#failed.length === 0 && this.#awaiting.size === 0) {
        await new Promise<void>((resolve) => this.#wakeFlush = resolve);
      }
      // The next turn usually takes the confirms along; this is for when there is none.
      await clock.delay(settleEveryMs, signal);
      try {
        await this.#settle(this.#options.clock.monotonicMs() - awaitingMs);
      } catch (error) {
        log.warn("Cannot settle the outbox: {error}", { error: errorText(error) });
        await clock.delay(1_000, signal);
      }
    }
  }

  /** @param untilMs Commands that were confirmed later may still be answered before their row needs a new time. */
  async #settle(untilMs: number): Promise<void> {
    const settled = { confirmed: this.#confirmed, awaiting: this.#takeAwaiting(untilMs) };
    const failed = this.#failed;
    this.#confirmed = [];
    this.#failed = [];
    if (settled.confirmed.length === 0 && settled.awaiting.length === 0 && failed.length === 0) return;
    try {
      await this.#options.store.settleOutbox({ confirmed: [...settled.confirmed, ...settled.awaiting], failed });
    } catch (error) {
      this.giveBack(settled);
      this.#failed.push(...failed);
      throw error;
    }
  }

  async #sweepLoop(signal: AbortSignal): Promise<void> {
    const { store, clock, log, settings, hasReplicas = false } = this.#options;
    // What is there when a process begins was its predecessor's; only with replicas may somebody be at it just now.
    let [waitMs, olderThanMs] = hasReplicas ? [settings.sweepEveryMs, settings.sweepAfterMs] : [0, 0];
    while (!signal.aborted) {
      await clock.delay(waitMs, signal);
      if (signal.aborted) return;
      waitMs = settings.sweepEveryMs;
      this.#pump();
      if (this.#pause !== undefined || this.#held.size > settings.publisherBacklogMax / 2) continue;
      try {
        const claimed = await store.claimOutbox({
          limit: 500,
          olderThanMs,
          leaseMs: settings.leaseMs,
        });
        olderThanMs = settings.sweepAfterMs;
        if (claimed.length > 0) log.debug("Sweep took up {count} outbox rows", { count: claimed.length });
        this.enqueue(claimed);
      } catch (error) {
        log.warn("Cannot sweep the outbox: {error}", { error: errorText(error) });
      }
    }
  }
}

/** 300 ms: a publisher that has nothing else to do settles a few times a second, not with every confirm. */
const settleEveryMs = 300;

/** What this very publish met; trying it again at once would meet it again, and close the channel under the others. */
const refusals: ReadonlySet<string> = new Set(["access-refused", "not-found", "precondition-failed"]);

function reasonOf(error: unknown): string {
  return error instanceof MeshError ? error.reason : "";
}
