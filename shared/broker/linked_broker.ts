import { type Clock, errorText } from "@mesh/base";
import type { Broker, Consumer, ConsumerOptions, Publisher, PublisherOptions } from "./broker.ts";
import { Link } from "./link.ts";
import { LinkedConsumer } from "./linked_consumer.ts";
import { LinkedPublisher } from "./linked_publisher.ts";
import { brokerError } from "./refusal.ts";
import type { BrokerLogger, Transport } from "./transport.ts";

/** What a broker stands on. */
export interface LinkedBrokerOptions {
  readonly transport: Transport;
  /** Names the process, in the log and for the back-off. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: BrokerLogger | undefined;
  /** Ends the wait for the first connection. */
  readonly signal: AbortSignal | undefined;
  /** Longest wait for the first connection. */
  readonly connectLimitMs: number;
}

/** 256: a batch of 64 is handled while three more wait. */
const prefetchDefault = 256;

/**
 * Connects over any transport and stays connected.
 *
 * @throws {UnavailableError} If the first connection does not stand within the limit, or the signal aborted.
 */
export async function connectOver(options: LinkedBrokerOptions): Promise<Broker> {
  const { clock, signal, connectLimitMs, name } = options;
  const broker = new LinkedBroker(options);
  const settled = new AbortController();
  const ended = AbortSignal.any([settled.signal, ...(signal === undefined ? [] : [signal])]);
  await Promise.race([broker.whenConnected(ended), clock.delay(connectLimitMs, ended)]);
  settled.abort("settled");
  if (broker.isConnected) return broker;
  const cause = broker.lastError;
  await broker[Symbol.asyncDispose]();
  const state = cause === undefined ? "gave up waiting" : errorText(cause);
  throw brokerError(`Cannot connect "${name}" to the broker: ${state}`, "connection-lost", cause);
}

class LinkedBroker implements Broker {
  readonly #options: LinkedBrokerOptions;
  readonly #publishing: Link;
  readonly #consuming: Link;
  readonly #users = new Set<AsyncDisposable>();
  readonly #listeners = new Set<() => void>();

  constructor(options: LinkedBrokerOptions) {
    const { transport, name } = options;
    this.#options = options;
    const link = (purpose: "publishing" | "consuming") =>
      new Link({ ...options, name: `${name} ${purpose}`, open: () => transport.connect(purpose) });
    this.#publishing = link("publishing");
    this.#consuming = link("consuming");
  }

  get isConnected(): boolean {
    return this.#publishing.session !== undefined && this.#consuming.session !== undefined;
  }

  get lastError(): unknown {
    return this.#publishing.lastError ?? this.#consuming.lastError;
  }

  /** Resolves when both connections stand for the first time, or the signal aborted. */
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

  openPublisher({ bundleMax = 1 }: PublisherOptions = {}): Promise<Publisher> {
    return this.#opened(new LinkedPublisher({ ...this.#options, link: this.#publishing, bundleMax }));
  }

  openConsumer({ queues, prefetch = prefetchDefault }: ConsumerOptions): Promise<Consumer> {
    return this.#opened(new LinkedConsumer({ ...this.#options, link: this.#consuming, claims: queues, prefetch }));
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

  /** Connections change one at a time, so whenever both stand after a change, the last one has just come back. */
  #noteChange(): void {
    if (!this.isConnected) return;
    for (const listener of [...this.#listeners]) listener();
  }
}
