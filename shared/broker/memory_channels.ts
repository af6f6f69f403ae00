import type { Clock } from "@mesh/base";
import type { Delivery, OutgoingMessage, PublishOutcome, QueueClaim } from "./broker.ts";
import type { MemoryQueue, QueueEntry, QueueSubscriber } from "./memory_queue.ts";
import { bundledDeliveries } from "./bundle.ts";
import { brokerError } from "./refusal.ts";
import type { ConsumeChannel, ConsumeListener, PublishChannel } from "./transport.ts";

/** What channels see of their server. */
export interface MemoryServerSide {
  readonly isBlocked: boolean;
  /**
   * Takes a publish of a user: one message, or a bundle, which goes where its first message goes.
   *
   * @throws {UnavailableError} If the user may not, or there is no such exchange.
   */
  accept(user: string, messages: readonly OutgoingMessage[]): PublishOutcome | Promise<PublishOutcome>;
  /**
   * Finds a queue for a user who wants to consume it.
   *
   * @throws {UnavailableError} If the user may not, or there is no such queue.
   */
  openQueue(user: string, name: string): MemoryQueue;
}

/** What a publishing channel in memory needs. */
export interface MemoryPublishChannelOptions {
  readonly server: MemoryServerSide;
  readonly user: string;
  readonly clock: Clock;
  readonly confirmLimitMs: number;
}

/** A publishing channel in memory. */
export class MemoryPublishChannel implements PublishChannel {
  readonly #options: MemoryPublishChannelOptions;
  readonly #ended = new AbortController();
  readonly #pending = new Set<PromiseWithResolvers<PublishOutcome>>();

  constructor(options: MemoryPublishChannelOptions) {
    this.#options = options;
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<PublishOutcome> {
    const message = messages[0]!;
    if (this.#ended.signal.aborted) {
      throw brokerError(`Cannot publish "${message.messageId}": the channel is closed`, "connection-lost");
    }
    let confirmed: Promise<PublishOutcome> | PublishOutcome;
    try {
      confirmed = this.#options.server.accept(this.#options.user, messages);
    } catch (error) {
      // As on RabbitMQ a refusal closes the channel, under everything else that is in flight on it.
      this.end("channel-lost");
      throw error;
    }
    return typeof confirmed === "string" ? Promise.resolve(confirmed) : this.#await(message, confirmed);
  }

  close(): Promise<void> {
    this.end("connection-lost");
    return Promise.resolve();
  }

  /** Ends the channel and fails what is pending. */
  end(reason: "connection-lost" | "channel-lost"): void {
    for (const { reject } of this.#pending) {
      reject(brokerError("Cannot publish: the channel closed before the confirm", reason));
    }
    this.#pending.clear();
    this.#ended.abort(reason);
  }

  #await({ messageId }: OutgoingMessage, confirmed: Promise<PublishOutcome>): Promise<PublishOutcome> {
    const { clock, confirmLimitMs } = this.#options;
    const pending = Promise.withResolvers<PublishOutcome>();
    const settled = new AbortController();
    this.#pending.add(pending);
    confirmed.then(pending.resolve);
    clock.delay(confirmLimitMs, AbortSignal.any([settled.signal, this.#ended.signal])).then(() => {
      pending.reject(
        brokerError(`Cannot publish "${messageId}": no confirm within ${confirmLimitMs} ms`, "confirm-late"),
      );
    });
    return pending.promise.finally(() => {
      this.#pending.delete(pending);
      settled.abort("settled");
    });
  }
}

/** What a consuming channel in memory needs. */
export interface MemoryConsumeChannelOptions {
  readonly server: MemoryServerSide;
  readonly user: string;
  readonly prefetch: number;
  readonly listener: ConsumeListener;
}

/** A consuming channel in memory. */
export class MemoryConsumeChannel implements ConsumeChannel {
  readonly #options: MemoryConsumeChannelOptions;
  readonly #ended = new AbortController();
  readonly #subscriptions = new Map<MemoryQueue, QueueSubscriber>();
  readonly #held = new Map<number, { readonly queue: MemoryQueue; readonly entry: QueueEntry }>();
  #tagCount = 0;
  #isCancelled = false;

  constructor(options: MemoryConsumeChannelOptions) {
    this.#options = options;
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get queues(): readonly string[] {
    return [...this.#subscriptions.keys()].map(({ name }) => name);
  }

  async subscribe({ queue: name, priority = 0 }: QueueClaim): Promise<void> {
    // As over a network: nothing is delivered before the caller has gone on.
    await Promise.resolve();
    if (this.#ended.signal.aborted) {
      throw brokerError(`Cannot consume "${name}": the channel closed`, "connection-lost");
    }
    if (this.#isCancelled) return;
    let queue: MemoryQueue;
    try {
      queue = this.#options.server.openQueue(this.#options.user, name);
    } catch (error) {
      this.end();
      throw error;
    }
    const subscriber: QueueSubscriber = {
      priority,
      prefetch: this.#options.prefetch,
      deliver: (from, entry) => this.#deliver(from, entry),
      noteCancel: (from) => {
        this.#subscriptions.delete(from);
        this.#options.listener.onCancelled(this, from.name);
      },
    };
    this.#subscriptions.set(queue, subscriber);
    queue.subscribe(subscriber);
  }

  cancelAll(): Promise<void> {
    this.#isCancelled = true;
    for (const [queue, subscriber] of this.#subscriptions) queue.unsubscribe(subscriber);
    this.#subscriptions.clear();
    return Promise.resolve();
  }

  ackThrough(deliveryTag: number): void {
    if (!this.#knows(deliveryTag)) return;
    for (const [tag, { queue, entry }] of this.#held) {
      if (tag > deliveryTag) break;
      this.#held.delete(tag);
      queue.acknowledge(entry);
    }
  }

  reject(deliveryTag: number, isRequeued: boolean): void {
    if (!this.#knows(deliveryTag)) return;
    const { queue, entry } = this.#held.get(deliveryTag)!;
    this.#held.delete(deliveryTag);
    queue.reject(entry, isRequeued);
  }

  close(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  /** Ends the channel; what it held goes back to its queues. */
  end(): void {
    if (this.#ended.signal.aborted) return;
    this.cancelAll();
    this.#ended.abort("ended");
    const held = Map.groupBy(this.#held.values(), ({ queue }) => queue);
    this.#held.clear();
    for (const [queue, entries] of held) queue.giveBack(entries.map(({ entry }) => entry));
  }

  /** As on RabbitMQ an answer to a delivery that is not open closes the channel. */
  #knows(deliveryTag: number): boolean {
    const isKnown = this.#held.has(deliveryTag);
    if (!isKnown) this.end();
    return isKnown;
  }

  #deliver(queue: MemoryQueue, entry: QueueEntry): void {
    this.#tagCount += 1;
    this.#held.set(this.#tagCount, { queue, entry });
    this.#options.listener.onDelivery(this, deliveriesOf(queue.name, entry), this.#tagCount);
  }
}

function deliveriesOf(queue: string, { parcel, isRedelivered }: QueueEntry): readonly Delivery[] {
  const { messages, userId, exchange, routingKey, lastDeath } = parcel;
  const { body, messageId, type, headers } = messages[0]!;
  const alive = { body, queue, exchange, routingKey, messageId, type, userId, headers, isRedelivered };
  const whole = Object.freeze(lastDeath === undefined ? alive : { ...alive, lastDeath });
  return messages.length === 1 ? [whole] : bundledDeliveries(whole, messages);
}
