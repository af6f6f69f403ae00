import type { Clock } from "@mesh/base";
import type { OutgoingMessage, Publisher, PublishOutcome } from "./broker.ts";
import { Bundler } from "./bundler.ts";
import { keepServing } from "./keep_serving.ts";
import type { Link } from "./link.ts";
import { brokerError, checkOutgoing } from "./refusal.ts";
import type { BrokerLogger, PublishChannel, TransportSession } from "./transport.ts";
import { whenAborted } from "./waiting.ts";

/** What a publisher stands on. */
export interface LinkedPublisherOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly name: string;
  readonly logger: BrokerLogger | undefined;
  readonly bundleMax: number;
}

/** Publishes on one channel and opens a new one whenever it closes. */
export class LinkedPublisher implements Publisher {
  readonly #link: Link;
  readonly #bundler: Bundler;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #channel: PublishChannel | undefined;

  constructor(options: LinkedPublisherOptions) {
    this.#link = options.link;
    this.#bundler = new Bundler({ bundleMax: options.bundleMax, send: (messages) => this.#send(messages) });
    this.#opened.promise.catch(() => {});
    this.#running = keepServing({ ...options, signal: this.#stop.signal }, (session) => this.#serve(session))
      .finally(() =>
        this.#opened.reject(brokerError("Cannot open publisher: the broker was closed", "connection-lost"))
      );
  }

  /** Resolves when the first channel is open. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get isBlocked(): boolean {
    return this.#link.session?.isBlocked ?? false;
  }

  publish(message: OutgoingMessage): Promise<PublishOutcome> {
    try {
      checkOutgoing(message);
      return this.#bundler.publish(message);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #serve(session: TransportSession): Promise<void> {
    const channel = await session.openPublishChannel();
    this.#channel = channel;
    this.#opened.resolve();
    await whenAborted(channel.ended, this.#stop.signal);
    this.#channel = undefined;
    await channel.close();
  }

  #send(messages: readonly OutgoingMessage[]): Promise<PublishOutcome> {
    const { messageId } = messages[0]!;
    if (this.#channel === undefined) {
      throw brokerError(`Cannot publish "${messageId}": the broker is not connected`, "connection-lost");
    }
    // Behind a blocked connection messages would pile up in this process without bound.
    if (this.isBlocked) throw brokerError(`Cannot publish "${messageId}": the broker blocks publishing`, "blocked");
    return this.#channel.publish(messages);
  }
}
