import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { type Clock, errorText } from "@mesh/base";
import { deliveriesOf } from "./amqp_delivery.ts";
import type { AmqpOutput } from "./amqp_output.ts";
import type { QueueClaim } from "./broker.ts";
import { brokerError, reasonOfCode } from "./refusal.ts";
import type { ConsumeChannel, ConsumeListener } from "./transport.ts";

/** What a consuming channel needs to be opened. */
export interface AmqpConsumeChannelOptions {
  readonly model: ChannelModel;
  readonly output: AmqpOutput;
  readonly clock: Clock;
  readonly prefetch: number;
  readonly listener: ConsumeListener;
  /** Longest wait for the broker's answer to a goodbye. */
  readonly goodbyeLimitMs: number;
}

/** A consuming channel on RabbitMQ. */
export class AmqpConsumeChannel implements ConsumeChannel {
  readonly #channel: Channel;
  readonly #options: AmqpConsumeChannelOptions;
  readonly #ended = new AbortController();
  readonly #tagOfQueue = new Map<string, string>();
  /** Cancellations that came together with the answer to `subscribe`, before anybody could see that. */
  readonly #cancelledEarly = new Set<string>();
  #error: (Error & { readonly code?: unknown }) | undefined;
  #isCancelled = false;
  /** From our goodbye on amqplib throws at whoever answers a delivery; the broker delivers it again. */
  #isClosing = false;

  private constructor(channel: Channel, options: AmqpConsumeChannelOptions) {
    this.#channel = channel;
    this.#options = options;
    channel.on("error", (error) => this.#error = error);
    channel.on("close", () => {
      this.#tagOfQueue.clear();
      this.#ended.abort();
    });
  }

  static async open(options: AmqpConsumeChannelOptions): Promise<AmqpConsumeChannel> {
    const channel = await options.model.createChannel();
    options.output.attach(channel);
    const opened = new AmqpConsumeChannel(channel, options);
    // Per consumer, hence per queue; a limit for the whole channel is denied by newer brokers.
    await channel.prefetch(options.prefetch);
    return opened;
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get queues(): readonly string[] {
    return [...this.#tagOfQueue.keys()];
  }

  async subscribe({ queue, priority }: QueueClaim): Promise<void> {
    this.#cancelledEarly.delete(queue);
    try {
      const { consumerTag } = await this.#channel.consume(
        queue,
        (message) => message === null ? this.#noteCancel(queue) : this.#noteDelivery(queue, message),
        priority === undefined ? {} : { priority },
      );
      this.#tagOfQueue.set(queue, consumerTag);
      if (this.#cancelledEarly.delete(queue)) this.#noteCancel(queue);
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

  async cancelAll(): Promise<void> {
    this.#isCancelled = true;
    await Promise.all(this.queues.map((queue) => this.#cancelQueue(queue)));
  }

  ackThrough(deliveryTag: number): void {
    if (!this.#isOver) this.#channel.ack(tagged(deliveryTag), true);
  }

  reject(deliveryTag: number, isRequeued: boolean): void {
    if (!this.#isOver) this.#channel.reject(tagged(deliveryTag), isRequeued);
  }

  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#isClosing = true;
    try {
      this.#channel.close().catch(() => {});
    } catch {
      // Already closing.
    }
    await this.#options.clock.delay(this.#options.goodbyeLimitMs, this.#ended.signal);
    this.#ended.abort();
  }

  get #isOver(): boolean {
    return this.#isClosing || this.#ended.signal.aborted;
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

  #noteDelivery(queue: string, message: ConsumeMessage): void {
    this.#options.listener.onDelivery(this, deliveriesOf(queue, message), message.fields.deliveryTag);
  }

  #noteCancel(queue: string): void {
    if (this.#tagOfQueue.delete(queue)) this.#options.listener.onCancelled(this, queue);
    else this.#cancelledEarly.add(queue);
  }
}

/** amqplib asks for a whole message and reads its tag. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage;
}
