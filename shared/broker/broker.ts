import type { BrokerTopology } from "./topology.ts";

/** One message on its way out. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** The compact JWS, ASCII; at most 48 KiB. */
  readonly body: Uint8Array;
  /** `jti` of the envelope. */
  readonly messageId: string;
  /** `evt` of the envelope. */
  readonly type: string;
  readonly correlationId?: string;
  /** Whether the broker must return it when no queue takes it; commands and retries, not events. */
  readonly isMandatory: boolean;
  /** Text headers: `traceparent`, `tracestate`, `mesh-attempt`. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Says that it may travel together with others. Messages of one exchange and one bundle key that are published in the
   * same tick may go as one message of the broker, in their order: they must reach the same queues, because only the
   * routing key of the first one counts. They share their outcome. Absent, it travels alone.
   */
  readonly bundleKey?: string;
  /**
   * What must not overtake each other. A message that joins a bundle may get ahead of others of the same tick, never of
   * one with the same order key.
   */
  readonly orderKey?: string;
}

/** How to publish. */
export interface PublisherOptions {
  /** Messages that travel together at most, up to 1,024; 1 by default, so that each travels alone. */
  readonly bundleMax?: number;
}

/**
 * What became of a publish: `confirmed` (durable in every queue that it was routed to), `returned` (mandatory and no
 * queue took it; it is nowhere), `nacked` (the broker refused it; try again later).
 */
export type PublishOutcome = "confirmed" | "returned" | "nacked";

/**
 * One channel for publishing, with confirms and in the order of the calls, but for what joins a bundle; survives
 * reconnects.
 */
export interface Publisher extends AsyncDisposable {
  /**
   * Publishes one message, persistent, with the connection's own user as `user_id`.
   *
   * @returns What became of it.
   * @throws {UnavailableError} If the connection is away or was lost before the confirm, or no confirm came within the
   * confirm deadline: the outcome is unknown, publish it again later.
   */
  publish(message: OutgoingMessage): Promise<PublishOutcome>;
  /** Whether the broker has blocked publishing for want of memory or disk. */
  readonly isBlocked: boolean;
}

/** One message on its way in. */
export interface Delivery {
  readonly body: Uint8Array;
  readonly queue: string;
  /** Exchange of the last hop; empty when it came back through the default exchange (a tier or a redrive). */
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly type: string | undefined;
  /** The broker user that published it, verified by the broker. */
  readonly userId: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the broker has delivered it before. */
  readonly isRedelivered: boolean;
  /**
   * Where and why the broker last dead-lettered it: `expired` for the way back from a retry tier, `delivery_limit` or
   * `rejected` for what lies in `<service>.dead`. Absent on a message that came straight from its publisher.
   */
  readonly lastDeath?: { readonly reason: string; readonly queue: string };
}

/** A queue to consume, with this process's claim on it. */
export interface QueueClaim {
  readonly queue: string;
  /** Consumer priority; among single active consumers the highest takes over where the broker supports it. */
  readonly priority?: number;
}

/** One channel for consuming any number of queues; survives reconnects by subscribing again. */
export interface Consumer extends AsyncDisposable {
  /**
   * Waits for something to do, then takes what is there.
   *
   * Never waits once at least one delivery is held. Deliveries come in the channel's delivery order, those of a bundle
   * one by one, in their order.
   *
   * @param countMax At least 1.
   * @param signal Ends the wait; aborted from the start, it makes this take what is there without waiting.
   * @returns At least one delivery, or an empty list when there was none and `signal` aborted, or the consumer was closed.
   */
  take(countMax: number, signal?: AbortSignal): Promise<readonly Delivery[]>;
  /**
   * Acknowledges everything taken up to and including this delivery (`basic.ack`, multiple). Call it in delivery order.
   * The broker hears of a bundle once its last message is covered; until then a lost connection brings all of it again.
   * Does nothing for a delivery of an earlier connection: the broker will deliver it again.
   */
  ackThrough(delivery: Delivery): void;
  /**
   * Hands a delivery back (`basic.reject`, never nack). With `isRequeued` it counts as a failed attempt at the broker;
   * without, it is dead-lettered by the broker.
   *
   * A bundle has one answer, given when each of its messages is rejected or acknowledged: it is dead-lettered only if
   * all were rejected for good, and comes again, whole, if any was rejected otherwise. To part with a single message
   * for good, keep it elsewhere and acknowledge it.
   */
  reject(delivery: Delivery, isRequeued: boolean): void;
  /** Stops new deliveries; those taken can still be acknowledged. What was delivered but not taken goes back. */
  cancel(): Promise<void>;
  /** Queues that this consumer is subscribed to at this moment. */
  readonly subscribedQueues: readonly string[];
}

/** What a consumer asks for. */
export interface ConsumerOptions {
  readonly queues: readonly QueueClaim[];
  /** Unacknowledged messages of the broker per queue at most, a bundle counting as one; 256 by default. */
  readonly prefetch?: number;
}

/** A message broker with topic exchanges and quorum queues; one connection each for publishing and consuming. */
export interface Broker extends AsyncDisposable {
  openPublisher(options?: PublisherOptions): Promise<Publisher>;
  openConsumer(options: ConsumerOptions): Promise<Consumer>;
  /** Whether both connections stand. */
  readonly isConnected: boolean;
  /**
   * Calls back each time the connections stand again after a loss (not for the first time).
   *
   * @returns Stops calling.
   */
  onReconnected(listener: () => void): () => void;
}

/** A broker whose topology can be loaded, for the memory adapter and for test harnesses. */
export interface TopologyTarget {
  load(topology: BrokerTopology): Promise<void>;
}
