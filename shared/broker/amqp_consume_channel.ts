import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { type Clock, errorText } from "@mesh/base";
import { goodbyeLimitMs } from "./amqp_link.ts";
import type { QueueClaim } from "./broker.ts";
import { brokerError, reasonOfCode } from "./refusal.ts";

/** Who hears what happens on a consuming channel. */
export interface ConsumeListener {
  onDelivery(channel: ConsumeChannel, queue: string, message: ConsumeMessage): void;
  /** The broker ended the subscription, for example because the queue was deleted. */
  onCancelled(channel: ConsumeChannel, queue: string): void;
}

/** One consuming channel from its opening to its end. */
export class ConsumeChannel {
  readonly #channel: Channel;
  readonly #listener: ConsumeListener;
  readonly #ended = new AbortController();
  readonly #tagOfQueue = new Map<string, string>();
  #error: (Error & { readonly code?: unknown }) | undefined;
  #isCancelled = false;

  private constructor(channel: Channel, listener: ConsumeListener) {
    this.#channel = channel;
    this.#listener = listener;
    channel.on("error", (error) => this.#error = error);
    channel.on("close", () => {
      this.#tagOfQueue.clear();
      this.#ended.abort();
    });
  }

  static async open(model: ChannelModel, prefetch: number, listener: ConsumeListener): Promise<ConsumeChannel> {
    const channel = await model.createChannel();
    const opened = new ConsumeChannel(channel, listener);
    // Per consumer, hence per queue; a limit for the whole channel is denied by newer brokers.
    await channel.prefetch(prefetch);
    return opened;
  }

  /** Aborts once the channel is closed; deliveries of it can no longer be acknowledged. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get queues(): readonly string[] {
    return [...this.#tagOfQueue.keys()];
  }

  /**
   * Begins to take deliveries from a queue.
   *
   * @throws {UnavailableError} If the broker refuses, which closes the channel, or the connection is lost.
   */
  async subscribe({ queue, priority }: QueueClaim): Promise<void> {
    try {
      const { consumerTag } = await this.#channel.consume(
        queue,
        (message) => message === null ? this.#noteCancel(queue) : this.#listener.onDelivery(this, queue, message),
        priority === undefined ? {} : { priority },
      );
      this.#tagOfQueue.set(queue, consumerTag);
    } catch (cause) {
      const error = this.#error ?? cause;
      throw brokerError(
        `Cannot consume "${queue}": ${errorText(error)}`,
        reasonOfCode((error as { code?: unknown }).code) ?? "connection-lost",
        error,
      );
    }
    if (this.#isCancelled) await this.#cancelQueue(queue);
  }

  /** Ends all subscriptions; what was delivered can still be acknowledged. */
  async cancelAll(): Promise<void> {
    this.#isCancelled = true;
    await Promise.all(this.queues.map((queue) => this.#cancelQueue(queue)));
  }

  ackThrough(deliveryTag: number): void {
    if (!this.#ended.signal.aborted) this.#channel.ack(tagged(deliveryTag), true);
  }

  reject(deliveryTag: number, isRequeued: boolean): void {
    if (!this.#ended.signal.aborted) this.#channel.reject(tagged(deliveryTag), isRequeued);
  }

  /** Closes the channel after everything sent on it; bounded where the broker does not answer. */
  async close(clock: Clock): Promise<void> {
    if (this.#ended.signal.aborted) return;
    try {
      this.#channel.close().catch(() => {});
    } catch {
      // Already closing.
    }
    await clock.delay(goodbyeLimitMs, this.#ended.signal);
    this.#ended.abort();
  }

  async #cancelQueue(queue: string): Promise<void> {
    const tag = this.#tagOfQueue.get(queue);
    if (tag === undefined) return;
    this.#tagOfQueue.delete(queue);
    try {
      await this.#channel.cancel(tag);
    } catch {
      // The channel is gone, and the subscription with it.
    }
  }

  #noteCancel(queue: string): void {
    if (this.#tagOfQueue.delete(queue)) this.#listener.onCancelled(this, queue);
  }
}

/** amqplib asks for a whole message and reads its tag. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
