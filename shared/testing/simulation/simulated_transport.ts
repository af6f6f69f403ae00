import {
  brokerError,
  type ConsumeChannel,
  type ConsumeListener,
  type OutgoingMessage,
  type PublishChannel,
  type PublishOutcome,
  type QueueClaim,
  type Transport,
  type TransportSession,
} from "@mesh/broker";
import type { Simulated, SimulatedProcess } from "./process.ts";

/** What the connections of one process stand on. */
export interface SimulatedTransportOptions {
  readonly simulated: Simulated;
  readonly process: SimulatedProcess;
  /** The server's own side. */
  readonly inner: Transport;
  /** Whether the server takes no publishes just now. */
  readonly isBlocked: () => boolean;
  /** Hears of each message that reaches the server. */
  readonly observe: (message: OutgoingMessage) => void;
}

/** Longest wait for a confirm, as the adapter for RabbitMQ has it. */
const confirmLimitMs = 10_000;

/** Puts a network and its faults between a process and the broker. */
export function simulatedTransport(options: SimulatedTransportOptions): Transport {
  const { simulated: { scheduler, random }, process, inner } = options;
  return {
    connect: async (purpose) => {
      await new Promise<void>((resolve) => scheduler.after(random.between(0.1, 5), process, resolve));
      const session = await inner.connect(purpose);
      const forget = process.connected(() => void session.close());
      session.lost.addEventListener("abort", forget, { once: true });
      return sessionOver(options, session);
    },
  };
}

function sessionOver(options: SimulatedTransportOptions, inner: TransportSession): TransportSession {
  return {
    lost: inner.lost,
    get isBlocked() {
      return options.isBlocked();
    },
    openPublishChannel: async () =>
      new SimulatedPublishChannel(options, { session: inner, inner: await inner.openPublishChannel() }),
    openConsumeChannel: async (prefetch, listener) => {
      const channel = new SimulatedConsumeChannel(options, { session: inner, listener });
      channel.inner = await inner.openConsumeChannel(prefetch, channel);
      return channel;
    },
    close: () => inner.close(),
  };
}

interface Pending {
  readonly answer: PromiseWithResolvers<PublishOutcome>;
}

/** A publishing channel over a network. */
class SimulatedPublishChannel implements PublishChannel {
  readonly #options: SimulatedTransportOptions;
  readonly #session: TransportSession;
  readonly #inner: PublishChannel;
  readonly #pending = new Set<Pending>();
  #lastArrivalMs = 0;

  constructor(
    options: SimulatedTransportOptions,
    { session, inner }: { readonly session: TransportSession; readonly inner: PublishChannel },
  ) {
    this.#options = options;
    this.#session = session;
    this.#inner = inner;
    inner.ended.addEventListener("abort", () => this.#failAll(), { once: true });
  }

  get ended(): AbortSignal {
    return this.#inner.ended;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<PublishOutcome> {
    const { simulated: { scheduler, random, faults } } = this.#options;
    if (this.#inner.ended.aborted) {
      throw brokerError(`Cannot publish "${messages[0]!.messageId}": the channel is closed`, "connection-lost");
    }
    const pending: Pending = { answer: Promise.withResolvers() };
    this.#pending.add(pending);
    // A channel keeps its order; what is delayed is overtaken, as on the way through a broker's nodes.
    let arrivalMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + random.between(0.1, 3));
    this.#lastArrivalMs = arrivalMs;
    if (faults.strikes("message-delayed")) arrivalMs += random.between(1, random.pick([20, 500, 15_000]));
    scheduler.after(arrivalMs - scheduler.nowMs, undefined, () => this.#arrive(messages, pending));
    return pending.answer.promise;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #arrive(messages: readonly OutgoingMessage[], pending: Pending): void {
    const { simulated: { faults, tell }, process, observe } = this.#options;
    if (faults.strikes("connection-cut")) void this.#session.close();
    if (this.#inner.ended.aborted) return;
    const about = { messageIds: messages.map(({ messageId }) => messageId) };
    if (faults.strikes("publish-nacked")) {
      tell?.("broker", `refuses ${namesOf(messages)} of ${process.name}`, about);
      return this.#confirm(pending, "nacked");
    }
    for (const message of messages) observe(message);
    const copies = faults.strikes("message-duplicated") ? 2 : 1;
    tell?.("broker", `takes ${namesOf(messages)} of ${process.name}${copies > 1 ? " twice" : ""}`, about);
    for (let copy = 0; copy < copies; copy += 1) this.#route(messages, pending, copy);
    if (faults.strikes("crash")) return process.kill("before the confirm");
  }

  #route(messages: readonly OutgoingMessage[], pending: Pending, copy: number): void {
    const { simulated: { scheduler, random, faults, tell }, process } = this.#options;
    let confirmed: Promise<PublishOutcome>;
    try {
      confirmed = this.#inner.publish(messages);
    } catch (error) {
      if (this.#pending.delete(pending)) process.hand(() => pending.answer.reject(error));
      return;
    }
    if (copy > 0) return;
    if (faults.strikes("confirm-lost")) {
      tell?.("broker", `loses the confirm of ${namesOf(messages)}`, {});
      scheduler.after(confirmLimitMs, process, () => this.#fail(pending, "confirm-late"));
      return;
    }
    confirmed.then(
      (outcome) => scheduler.after(random.between(0.1, 3), process, () => this.#confirm(pending, outcome)),
      () => {},
    );
  }

  #confirm(pending: Pending, outcome: PublishOutcome): void {
    if (this.#pending.delete(pending)) this.#options.process.hand(() => pending.answer.resolve(outcome));
  }

  #fail(pending: Pending, reason: "confirm-late" | "connection-lost"): void {
    if (!this.#pending.delete(pending)) return;
    this.#options.process.hand(() => pending.answer.reject(brokerError("Cannot publish: no confirm came", reason)));
  }

  #failAll(): void {
    for (const pending of [...this.#pending]) this.#fail(pending, "connection-lost");
  }
}

/** A consuming channel over a network. */
class SimulatedConsumeChannel implements ConsumeChannel, ConsumeListener {
  readonly #options: SimulatedTransportOptions;
  readonly #session: TransportSession;
  readonly #listener: ConsumeListener;
  inner!: ConsumeChannel;
  #lastArrivalMs = 0;
  /** What is on its way, in the order of its tags: a channel never changes that, and times that are added up differ by a bit. */
  readonly #underWay: (readonly [Parameters<ConsumeListener["onDelivery"]>[1], number])[] = [];

  constructor(
    options: SimulatedTransportOptions,
    { session, listener }: { readonly session: TransportSession; readonly listener: ConsumeListener },
  ) {
    this.#options = options;
    this.#session = session;
    this.#listener = listener;
  }

  get ended(): AbortSignal {
    return this.inner.ended;
  }

  get queues(): readonly string[] {
    return this.inner.queues;
  }

  subscribe(claim: QueueClaim): Promise<void> {
    return this.inner.subscribe(claim);
  }

  cancelAll(): Promise<void> {
    return this.inner.cancelAll();
  }

  ackThrough(deliveryTag: number): void {
    const { simulated: { faults, tell }, process } = this.#options;
    if (process.isDead || this.inner.ended.aborted) return;
    if (faults.strikes("ack-lost")) {
      tell?.(process.name, "loses an acknowledgement with its connection", {});
      void this.#session.close();
      return;
    }
    this.inner.ackThrough(deliveryTag);
    if (faults.strikes("crash")) process.kill("after an acknowledgement");
  }

  reject(deliveryTag: number, isRequeued: boolean): void {
    if (!this.#options.process.isDead) this.inner.reject(deliveryTag, isRequeued);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  onDelivery(_inner: ConsumeChannel, deliveries: Parameters<ConsumeListener["onDelivery"]>[1], tag: number): void {
    const { simulated: { scheduler, random }, process } = this.#options;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + random.between(0.1, 3));
    this.#underWay.push([deliveries, tag]);
    scheduler.after(this.#lastArrivalMs - scheduler.nowMs, process, () => {
      const next = this.#underWay.shift();
      if (next !== undefined && !this.inner.ended.aborted) this.#listener.onDelivery(this, ...next);
    });
  }

  onCancelled(_inner: ConsumeChannel, queue: string): void {
    this.#options.process.hand(() => this.#listener.onCancelled(this, queue));
  }
}

function namesOf(messages: readonly OutgoingMessage[]): string {
  return messages.map(({ type }) => type).join(", ");
}
