import { type Clock, errorText, UnavailableError } from "@mesh/base";
import { backoffMs } from "./backoff.ts";
import type { Consumer, Delivery, QueueClaim } from "./broker.ts";
import { DeliveryBuffer } from "./delivery_buffer.ts";
import { keepServing } from "./keep_serving.ts";
import type { Link } from "./link.ts";
import { brokerError } from "./refusal.ts";
import type { BrokerLogger, ConsumeChannel, ConsumeListener, TransportSession } from "./transport.ts";
import { whenAborted } from "./waiting.ts";

/** What a consumer stands on. */
export interface LinkedConsumerOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly name: string;
  readonly claims: readonly QueueClaim[];
  readonly prefetch: number;
  readonly logger: BrokerLogger | undefined;
}

/** Starts to hold a channel for some queues, after a wait that grows with the failures so far. */
type Spawn = (claims: readonly QueueClaim[], failures: number) => void;

/** 10 s: a subscription that held so long was no failure. */
const stableMs = 10_000;

/**
 * Consumes all its queues on one channel, and opens a new one whenever that closes.
 *
 * A queue that the broker refuses or cancels (it was deleted, or is not there yet) goes on alone, on a channel of its
 * own with back-off: on the shared one each refusal would close the channel, send back what the other queues hold and
 * count that as a failed attempt of every such message.
 */
export class LinkedConsumer implements Consumer {
  readonly #options: LinkedConsumerOptions;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #channels = new Set<ConsumeChannel>();
  /** Queues that the broker refused or cancelled and has not given since. */
  readonly #alone = new Set<string>();
  readonly #buffer = new DeliveryBuffer();
  readonly #running: Promise<void>;
  /** Nothing will be given any more. */
  #isDrained = false;
  #isCancelled = false;

  constructor(options: LinkedConsumerOptions) {
    this.#options = options;
    this.#opened.promise.catch(() => {});
    this.#running = keepServing({ ...options, signal: this.#stop.signal }, (session) => this.#serve(session))
      .finally(() =>
        this.#opened.reject(brokerError("Cannot open consumer: the broker was closed", "connection-lost"))
      );
  }

  /** Resolves when every queue is subscribed for the first time; rejects when the broker refuses one. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get subscribedQueues(): readonly string[] {
    return [...this.#channels].flatMap(({ queues }) => queues);
  }

  take(countMax: number, signal?: AbortSignal): Promise<readonly Delivery[]> {
    return this.#buffer.take(countMax, signal);
  }

  ackThrough(delivery: Delivery): void {
    this.#buffer.ackThrough(delivery);
  }

  reject(delivery: Delivery, isRequeued: boolean): void {
    this.#buffer.reject(delivery, isRequeued);
  }

  async cancel(): Promise<void> {
    this.#drain();
    await Promise.all([...this.#channels].map((channel) => channel.cancelAll()));
    this.#isCancelled = true;
    this.#buffer.giveBack();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drain();
    this.#stop.abort();
    await Promise.all([...this.#channels].map((channel) => channel.close()));
    await this.#running;
  }

  #drain(): void {
    this.#isDrained = true;
    this.#buffer.drain();
  }

  /** Resolves when the connection is lost or the consumer ends. */
  async #serve(session: TransportSession): Promise<void> {
    const tasks = new Set<Promise<void>>();
    const spawn: Spawn = (claims, failures) => {
      const task = this.#keepSubscribed(session, claims, failures, spawn).finally(() => tasks.delete(task));
      tasks.add(task);
    };
    const { claims } = this.#options;
    const together = claims.filter(({ queue }) => !this.#alone.has(queue));
    if (together.length > 0) spawn(together, 0);
    for (const claim of claims) if (this.#alone.has(claim.queue)) spawn([claim], 0);
    while (tasks.size > 0) await Promise.all(tasks);
    await whenAborted(session.lost, this.#stop.signal);
  }

  /** Holds one channel for these queues as long as the connection stands. */
  async #keepSubscribed(
    session: TransportSession,
    claims: readonly QueueClaim[],
    failuresBefore: number,
    spawn: Spawn,
  ): Promise<void> {
    const { clock } = this.#options;
    const stop = this.#stop.signal;
    const remaining = new Map(claims.map((claim) => [claim.queue, claim]));
    let failures = failuresBefore;
    const onLost = (queue: string) => {
      this.#alone.add(queue);
      const claim = remaining.get(queue);
      if (claims.length === 1 || claim === undefined) return;
      remaining.delete(queue);
      spawn([claim], failures + 1);
    };
    while (remaining.size > 0) {
      if (failures > 0) {
        await clock.delay(backoffMs(failures, claims[0]!.queue), AbortSignal.any([session.lost, stop]));
      }
      if (session.lost.aborted || stop.aborted || this.#isDrained) return;
      const startedMs = clock.monotonicMs();
      await this.#runChannel(session, [...remaining.values()], onLost);
      failures = clock.monotonicMs() - startedMs >= stableMs ? 1 : failures + 1;
    }
  }

  /**
   * Runs one channel until it closes or has no queue left.
   *
   * @param onLost Hears of each queue that the broker refused or cancelled.
   */
  async #runChannel(
    session: TransportSession,
    claims: readonly QueueClaim[],
    onLost: (queue: string) => void,
  ): Promise<void> {
    const { prefetch, logger } = this.#options;
    const listener: ConsumeListener = {
      onDelivery: (from, deliveries, deliveryTag) => {
        // While a cancel is under way all go to the buffer, so that they are handed back in their order.
        if (this.#isCancelled) from.reject(deliveryTag, true);
        else this.#buffer.push(from, deliveries, deliveryTag);
      },
      onCancelled: (from, queue) => {
        logger?.warn("broker cancelled the consumer of {queue}", { queue });
        onLost(queue);
        // Nothing is left to come; what is held of it comes again, or is gone with its queue.
        if (from.queues.length === 0) from.close();
      },
    };
    let channel: ConsumeChannel | undefined;
    try {
      channel = await session.openConsumeChannel(prefetch, listener);
      this.#channels.add(channel);
      if (this.#stop.signal.aborted) return;
      for (const claim of claims) await this.#subscribe(channel, claim, onLost);
      if (this.subscribedQueues.length === this.#options.claims.length) this.#opened.resolve();
      await whenAborted(channel.ended);
    } catch (error) {
      logger?.warn("broker consumer failed: {error}", { error: errorText(error) });
    } finally {
      if (channel !== undefined) await this.#forget(channel);
    }
  }

  async #subscribe(channel: ConsumeChannel, claim: QueueClaim, onLost: (queue: string) => void): Promise<void> {
    try {
      await channel.subscribe(claim);
      this.#alone.delete(claim.queue);
    } catch (error) {
      const isRefused = error instanceof UnavailableError && error.reason !== "connection-lost";
      if (isRefused) {
        onLost(claim.queue);
        this.#opened.reject(error);
      }
      throw error;
    }
  }

  async #forget(channel: ConsumeChannel): Promise<void> {
    await channel.close();
    this.#channels.delete(channel);
    this.#buffer.forget(channel);
  }
}
