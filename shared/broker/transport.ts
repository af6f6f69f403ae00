import type { Delivery, OutgoingMessage, PublishOutcome, QueueClaim } from "./broker.ts";

/**
 * What an adapter provides: connections and channels that end. Everything that outlives them (coming back, subscribing
 * again, isolating a missing queue) stands above this seam and is the same for all adapters.
 */
export interface Transport<Session extends TransportSession = TransportSession> {
  /** @throws {UnavailableError} If no connection can be had now. */
  connect(purpose: "publishing" | "consuming"): Promise<Session>;
}

/** One standing connection. */
export interface TransportSession {
  /** Aborts once the connection is gone. */
  readonly lost: AbortSignal;
  /** Whether the broker has blocked publishing on it. */
  readonly isBlocked: boolean;
  openPublishChannel(): Promise<PublishChannel>;
  /** @param prefetch Unacknowledged deliveries per queue at most. */
  openConsumeChannel(prefetch: number, listener: ConsumeListener): Promise<ConsumeChannel>;
  /** Says goodbye where the connection stands, and frees what it held; bounded in time. */
  close(): Promise<void>;
}

/** One publishing channel from its opening to its end; every publish on it settles, whatever happens. */
export interface PublishChannel {
  /** Aborts once the channel is closed. */
  readonly ended: AbortSignal;
  /**
   * As `Publisher.publish`, for one message or for a bundle, which goes where its first message goes.
   *
   * @param messages At least one, each known to be fit for the broker.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<PublishOutcome>;
  /** Ends the channel; bounded in time. */
  close(): Promise<void>;
}

/** Who hears what happens on a consuming channel. */
export interface ConsumeListener {
  /** @param deliveries What one message of the broker holds: one, or those of a bundle. */
  onDelivery(channel: ConsumeChannel, deliveries: readonly Delivery[], deliveryTag: number): void;
  /** The broker ended the subscription, for example because the queue was deleted. */
  onCancelled(channel: ConsumeChannel, queue: string): void;
}

/** One consuming channel from its opening to its end. */
export interface ConsumeChannel {
  /** Aborts once the channel is closed; what it delivered can no longer be answered. */
  readonly ended: AbortSignal;
  /** Queues that it is subscribed to. */
  readonly queues: readonly string[];
  /**
   * Begins to take deliveries from a queue.
   *
   * @throws {UnavailableError} If the broker refuses, which closes the channel, or the connection is lost.
   */
  subscribe(claim: QueueClaim): Promise<void>;
  /** Ends all subscriptions, those under way too; what was delivered can still be answered. */
  cancelAll(): Promise<void>;
  /** Acknowledges every delivery up to and including this one. */
  ackThrough(deliveryTag: number): void;
  reject(deliveryTag: number, isRequeued: boolean): void;
  /** Ends the channel after everything said on it; bounded in time. */
  close(): Promise<void>;
}

/** Takes notes; LogTape's loggers fit. Never receives credentials or message bodies. */
export interface BrokerLogger {
  info(message: string, properties?: Record<string, unknown>): void;
  warn(message: string, properties?: Record<string, unknown>): void;
}
