import type { ConsumeMessage } from "amqplib";
import { type Clock, errorText, invariant, UnavailableError } from "@mesh/base";
import { ConsumeChannel } from "./amqp_consume_channel.ts";
import { deliveryOf } from "./amqp_delivery.ts";
import { type AmqpLink, type BrokerLogger, type LinkSession, nextCall, whenAborted } from "./amqp_link.ts";
import { backoffMs } from "./backoff.ts";
import type { Consumer, Delivery, QueueClaim } from "./broker.ts";
import { keepServing } from "./keep_serving.ts";
import { brokerError } from "./refusal.ts";

/** What a consumer stands on. */
export interface AmqpConsumerOptions {
  readonly link: AmqpLink;
  readonly clock: Clock;
  readonly claims: readonly QueueClaim[];
  readonly prefetch: number;
  readonly logger?: BrokerLogger;
}

/** A delivery in our hands, with the way to answer it. */
interface Held {
  readonly delivery: Delivery;
  readonly channel: ConsumeChannel;
  readonly deliveryTag: number;
  isRejected: boolean;
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
export class AmqpConsumer implements Consumer {
  readonly #options: AmqpConsumerOptions;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #channels = new Set<ConsumeChannel>();
  /** Queues that the broker refused or cancelled and has not given since. */
  readonly #alone = new Set<string>();
  /** Delivered and not yet taken. */
  #ready: Held[] = [];
  /** Taken and not yet answered, in the order of taking. */
  #taken: Held[] = [];
  readonly #heldOf = new WeakMap<Delivery, Held>();
  readonly #wakers = new Set<() => void>();
  readonly #running: Promise<void>;
  #isCancelled = false;

  constructor(options: AmqpConsumerOptions) {
    this.#options = options;
    this.#opened.promise.catch(() => {});
    const { link, clock, logger } = options;
    this.#running = keepServing(
      { link, clock, name: "consumer", signal: this.#stop.signal, ...(logger === undefined ? {} : { logger }) },
      (session) => this.#serve(session),
    ).finally(() => this.#opened.reject(brokerError("Cannot open consumer: the broker was closed", "connection-lost")));
  }

  /** Resolves when every queue is subscribed for the first time; rejects when the broker refuses one. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get subscribedQueues(): readonly string[] {
    return [...this.#channels].flatMap(({ queues }) => queues);
  }

  async take(countMax: number, signal?: AbortSignal): Promise<readonly Delivery[]> {
    invariant(Number.isInteger(countMax) && countMax >= 1, `Cannot take deliveries: countMax is ${countMax}`);
    const ended = signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, signal]);
    while (this.#ready.length === 0) {
      if (ended.aborted || this.#isCancelled) return [];
      await nextCall((wake) => {
        this.#wakers.add(wake);
        return () => this.#wakers.delete(wake);
      }, ended);
    }
    if (ended.aborted) return [];
    const held = this.#ready.splice(0, countMax);
    this.#taken.push(...held);
    return held.map(({ delivery }) => delivery);
  }

  ackThrough(delivery: Delivery): void {
    const at = this.#takenAt(delivery);
    if (at < 0) return;
    // Per channel the last tag that is still open: the broker knows no tag twice, and a rejected one is answered.
    const lastTags = new Map<ConsumeChannel, number>();
    for (const { channel, deliveryTag, isRejected } of this.#taken.splice(0, at + 1)) {
      if (!isRejected) lastTags.set(channel, deliveryTag);
    }
    for (const [channel, deliveryTag] of lastTags) channel.ackThrough(deliveryTag);
    this.#trim();
  }

  reject(delivery: Delivery, isRequeued: boolean): void {
    const held = this.#taken[this.#takenAt(delivery)];
    if (held === undefined || held.isRejected) return;
    held.isRejected = true;
    held.channel.reject(held.deliveryTag, isRequeued);
    this.#trim();
  }

  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await Promise.all([...this.#channels].map((channel) => channel.cancelAll()));
    for (const { channel, deliveryTag } of this.#ready.splice(0)) channel.reject(deliveryTag, true);
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#channels].map((channel) => channel.close(this.#options.clock)));
    await this.#running;
    this.#ready = [];
  }

  /** Resolves when the connection is lost or the consumer ends. */
  async #serve(session: LinkSession): Promise<void> {
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
    await whenAborted(AbortSignal.any([session.lost, this.#stop.signal]));
  }

  /** Holds one channel for these queues as long as the connection stands. */
  async #keepSubscribed(
    session: LinkSession,
    claims: readonly QueueClaim[],
    failuresBefore: number,
    spawn: Spawn,
  ): Promise<void> {
    const { clock } = this.#options;
    const ended = AbortSignal.any([session.lost, this.#stop.signal]);
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
      if (failures > 0) await clock.delay(backoffMs(failures, claims[0]!.queue), ended);
      if (ended.aborted || this.#isCancelled) return;
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
    session: LinkSession,
    claims: readonly QueueClaim[],
    onLost: (queue: string) => void,
  ): Promise<void> {
    const { prefetch, logger, clock } = this.#options;
    let channel: ConsumeChannel | undefined;
    try {
      channel = await ConsumeChannel.open(session.model, prefetch, {
        onDelivery: (from, queue, message) => this.#onDelivery(from, queue, message),
        onCancelled: (from, queue) => {
          logger?.warn("broker cancelled the consumer of {queue}", { queue });
          onLost(queue);
          // Nothing is left to come; what is held of it comes again, or is gone with its queue.
          if (from.queues.length === 0) from.close(clock);
        },
      });
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

  #onDelivery(channel: ConsumeChannel, queue: string, message: ConsumeMessage): void {
    const { deliveryTag } = message.fields;
    if (this.#isCancelled) return channel.reject(deliveryTag, true);
    const delivery = deliveryOf(queue, message);
    const held = { delivery, channel, deliveryTag, isRejected: false };
    this.#heldOf.set(delivery, held);
    this.#ready.push(held);
    this.#wake();
  }

  /** What a closed channel delivered comes again; what is taken of it runs to its end and its answer is ignored. */
  async #forget(channel: ConsumeChannel): Promise<void> {
    await channel.close(this.#options.clock);
    this.#channels.delete(channel);
    this.#ready = this.#ready.filter((held) => held.channel !== channel);
    this.#trim();
  }

  #takenAt(delivery: Delivery): number {
    const held = this.#heldOf.get(delivery);
    return held === undefined ? -1 : this.#taken.indexOf(held);
  }

  /** Drops what needs no answer any more from the front, so that a consumer that only rejects holds nothing. */
  #trim(): void {
    const open = this.#taken.findIndex(({ channel, isRejected }) => !isRejected && !channel.ended.aborted);
    this.#taken.splice(0, open < 0 ? this.#taken.length : open);
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
