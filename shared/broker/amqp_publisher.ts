import type { Clock } from "@mesh/base";
import { type AmqpLink, type BrokerLogger, goodbyeLimitMs, type LinkSession, whenAborted } from "./amqp_link.ts";
import { type PublishLimits, PublishSession } from "./amqp_publish_session.ts";
import type { OutgoingMessage, Publisher, PublishOutcome } from "./broker.ts";
import { keepServing } from "./keep_serving.ts";
import { brokerError } from "./refusal.ts";

/** What a publisher stands on. */
export interface AmqpPublisherOptions {
  readonly link: AmqpLink;
  readonly clock: Clock;
  readonly userId: string;
  readonly limits: PublishLimits;
  readonly logger?: BrokerLogger;
}

/** Publishes on one confirm channel and opens a new one whenever it closes. */
export class AmqpPublisher implements Publisher {
  readonly #options: AmqpPublisherOptions;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #session: PublishSession | undefined;

  constructor(options: AmqpPublisherOptions) {
    this.#options = options;
    this.#opened.promise.catch(() => {});
    const { link, clock, logger } = options;
    this.#running = keepServing(
      { link, clock, name: "publisher", signal: this.#stop.signal, ...(logger === undefined ? {} : { logger }) },
      (session) => this.#serve(session),
    ).finally(() =>
      this.#opened.reject(brokerError("Cannot open publisher: the broker was closed", "connection-lost"))
    );
  }

  /** Resolves when the first channel is open. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get isBlocked(): boolean {
    return this.#options.link.session?.isBlocked ?? false;
  }

  async publish(message: OutgoingMessage): Promise<PublishOutcome> {
    if (this.#session === undefined) {
      throw brokerError(`Cannot publish "${message.messageId}": the broker is not connected`, "connection-lost");
    }
    // Behind a blocked connection messages would pile up in this process without bound.
    if (this.isBlocked) {
      throw brokerError(`Cannot publish "${message.messageId}": the broker blocks publishing`, "blocked");
    }
    return await this.#session.publish(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #serve({ model, lost }: LinkSession): Promise<void> {
    const { userId, clock, limits } = this.#options;
    const channel = await model.createConfirmChannel();
    const session = new PublishSession(channel, userId, clock, limits);
    this.#session = session;
    this.#opened.resolve();
    await whenAborted(AbortSignal.any([session.ended, this.#stop.signal]));
    this.#session = undefined;
    if (!session.ended.aborted) {
      channel.close().catch(() => {});
      await clock.delay(goodbyeLimitMs, AbortSignal.any([session.ended, lost]));
      session.abandon();
    }
  }
}
