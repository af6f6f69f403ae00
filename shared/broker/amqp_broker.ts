import { type Clock, errorText } from "@mesh/base";
import { AmqpConsumer } from "./amqp_consumer.ts";
import { AmqpLink, type BrokerLogger, userOfUrl } from "./amqp_link.ts";
import type { PublishLimits } from "./amqp_publish_session.ts";
import { AmqpPublisher } from "./amqp_publisher.ts";
import type { Broker, Consumer, ConsumerOptions, Publisher } from "./broker.ts";
import { brokerError } from "./refusal.ts";

/** Where, as whom and how patiently to connect. */
export interface AmqpBrokerOptions {
  /** `amqp://` or `amqps://` URL with user, password and vhost; the user is every message's `user_id`. */
  readonly url: string;
  /** Shown in the broker's list of connections; name the service and the process, so that back-off spreads them. */
  readonly connectionName: string;
  readonly clock: Clock;
  readonly logger?: BrokerLogger;
  /** Ends the wait for the first connection. */
  readonly signal?: AbortSignal;
  /** Longest wait for the first connection, 60,000 by default; later ones are tried for ever. */
  readonly connectLimitMs?: number;
  /** Longest wait for a confirm, 10,000 by default. */
  readonly confirmLimitMs?: number;
  /** Unconfirmed publishes at most, 20,000 by default: twice what the runtime's publisher holds. */
  readonly windowMax?: number;
  /** PEM certificates to trust, for `amqps`. */
  readonly ca?: string;
}

/** 256: a batch of 64 is handled while three more wait (`performance.md` 1c). */
const prefetchDefault = 256;

/**
 * Connects to RabbitMQ, with one connection for publishing and one for consuming, and stays connected.
 *
 * Two connections, because a broker that is short of memory stops reading from a connection that publishes, and
 * acknowledgements must still get through.
 *
 * @returns The broker, connected.
 * @throws {UnavailableError} If the first connection does not stand within `connectLimitMs`, or `signal` aborted.
 *
 * @example Publish one event
 * ```ts no-run
 * import { systemClock } from "@mesh/base";
 * import { connectBroker } from "@mesh/broker";
 *
 * await using broker = await connectBroker({
 *   url: "amqp://orders:secret@127.0.0.1:5682/mesh",
 *   connectionName: "orders-0",
 *   clock: systemClock,
 * });
 * const publisher = await broker.openPublisher();
 * await publisher.publish({
 *   exchange: "mesh.events",
 *   routingKey: "orders.order-placed.v1.k07.c07",
 *   body: new TextEncoder().encode("eyJhbGciOiJFZDI1NTE5In0.e30.c2ln"),
 *   messageId: "0197b3c0-0000-7000-8000-000000000001",
 *   type: "orders.order-placed",
 *   isMandatory: false,
 *   headers: {},
 * });
 * ```
 */
export async function connectBroker(options: AmqpBrokerOptions): Promise<Broker> {
  const broker = new AmqpBroker(options);
  const { clock, signal, connectLimitMs = 60_000, connectionName } = options;
  const settled = new AbortController();
  const ended = AbortSignal.any([settled.signal, ...(signal === undefined ? [] : [signal])]);
  await Promise.race([broker.whenConnected(ended), clock.delay(connectLimitMs, ended)]);
  settled.abort();
  if (broker.isConnected) return broker;
  const cause = broker.lastError;
  await broker[Symbol.asyncDispose]();
  throw brokerError(
    `Cannot connect "${connectionName}" to the broker: ${cause === undefined ? "gave up waiting" : errorText(cause)}`,
    "connection-lost",
    cause,
  );
}

class AmqpBroker implements Broker {
  readonly #options: AmqpBrokerOptions;
  readonly #publishing: AmqpLink;
  readonly #consuming: AmqpLink;
  readonly #users = new Set<AsyncDisposable>();
  readonly #listeners = new Set<() => void>();
  #wasLost = false;

  constructor(options: AmqpBrokerOptions) {
    this.#options = options;
    const open = (purpose: string) =>
      new AmqpLink({ ...options, connectionName: `${options.connectionName} ${purpose}` });
    this.#publishing = open("publishing");
    this.#consuming = open("consuming");
  }

  get isConnected(): boolean {
    return this.#publishing.session !== undefined && this.#consuming.session !== undefined;
  }

  get lastError(): unknown {
    return this.#publishing.lastError ?? this.#consuming.lastError;
  }

  async whenConnected(signal: AbortSignal): Promise<void> {
    while (!this.isConnected && !signal.aborted) {
      await this.#publishing.whenUp(signal);
      await this.#consuming.whenUp(signal);
    }
    for (const link of [this.#publishing, this.#consuming]) link.onChange(() => this.#noteChange());
  }

  onReconnected(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async openPublisher(): Promise<Publisher> {
    const { clock, logger, url, confirmLimitMs = 10_000, windowMax = 20_000 } = this.#options;
    const limits: PublishLimits = { confirmLimitMs, windowMax };
    return await this.#opened(
      new AmqpPublisher({ ...logging(logger), link: this.#publishing, clock, userId: userOfUrl(url), limits }),
    );
  }

  async openConsumer({ queues, prefetch = prefetchDefault }: ConsumerOptions): Promise<Consumer> {
    const { clock, logger } = this.#options;
    return await this.#opened(
      new AmqpConsumer({ ...logging(logger), link: this.#consuming, clock, claims: queues, prefetch }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#users].map((user) => user[Symbol.asyncDispose]()));
    await Promise.all([this.#publishing[Symbol.asyncDispose](), this.#consuming[Symbol.asyncDispose]()]);
  }

  async #opened<User extends AsyncDisposable & { readonly opened: Promise<void> }>(user: User): Promise<User> {
    this.#users.add(user);
    try {
      await user.opened;
      return user;
    } catch (error) {
      this.#users.delete(user);
      await user[Symbol.asyncDispose]();
      throw error;
    }
  }

  #noteChange(): void {
    if (!this.isConnected) {
      this.#wasLost = true;
      return;
    }
    if (!this.#wasLost) return;
    this.#wasLost = false;
    for (const listener of [...this.#listeners]) listener();
  }
}

function logging(logger: BrokerLogger | undefined): { readonly logger?: BrokerLogger } {
  return logger === undefined ? {} : { logger };
}
