import type { Duplex } from "node:stream";
import { type ChannelModel, connect } from "amqplib";
import { type Clock, errorText } from "@mesh/base";
import { AmqpConsumeChannel } from "./amqp_consume_channel.ts";
import { AmqpOutput } from "./amqp_output.ts";
import { AmqpPublishChannel } from "./amqp_publish_channel.ts";
import { brokerError } from "./refusal.ts";
import type { BrokerLogger, ConsumeChannel, ConsumeListener, PublishChannel, TransportSession } from "./transport.ts";

/** Where, as whom and within which bounds to connect. */
export interface AmqpSessionOptions {
  /** `amqp://` or `amqps://` URL with user, password and vhost. */
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly connectionName: string;
  readonly clock: Clock;
  readonly logger: BrokerLogger | undefined;
  readonly confirmLimitMs: number;
  readonly windowMax: number;
  /** PEM certificates to trust, for `amqps`. */
  readonly ca: string | undefined;
}

/** 20 s, in seconds as AMQP counts it: a dead peer is noticed within a minute; below 5 s there are false alarms. */
const heartbeatSeconds = 20;
/** 10 s: longest silence of the broker while a connection is being opened. */
const handshakeLimitMs = 10_000;
/** 5 s: longest wait for an answer to a goodbye before we go without one. */
const goodbyeLimitMs = 5_000;

/**
 * Opens one connection to RabbitMQ.
 *
 * @throws {UnavailableError} If it cannot be had; the cause is what amqplib or the socket said.
 */
export async function openAmqpSession(options: AmqpSessionOptions): Promise<TransportSession> {
  const { protocol, hostname, port, username, password, pathname } = new URL(options.url);
  try {
    const model = await connect({
      protocol: protocol.slice(0, -1),
      hostname: hostname.replace(/^\[|\]$/g, ""),
      ...(port === "" ? {} : { port: Number(port) }),
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      // amqplib decodes it.
      vhost: pathname.length > 1 ? pathname.slice(1) : "%2F",
      heartbeat: heartbeatSeconds,
    }, {
      // Without it a single message in flight waits 40 ms for a delayed acknowledgement.
      noDelay: true,
      timeout: handshakeLimitMs,
      clientProperties: { connection_name: options.connectionName },
      ...(options.ca === undefined ? {} : { ca: [options.ca] }),
    });
    return new AmqpSession(model, options);
  } catch (cause) {
    throw brokerError(`Cannot connect to the broker at ${hostname}: ${errorText(cause)}`, "connection-lost", cause);
  }
}

class AmqpSession implements TransportSession {
  readonly #model: ChannelModel;
  readonly #options: AmqpSessionOptions;
  readonly #lost = new AbortController();
  readonly #socket: Duplex;
  readonly #output: AmqpOutput;
  #isBlocked = false;

  constructor(model: ChannelModel, options: AmqpSessionOptions) {
    const { logger, connectionName } = options;
    this.#model = model;
    this.#options = options;
    // amqplib ends but never destroys its socket, so after a heartbeat timeout it would linger for minutes.
    this.#socket = (model.connection as unknown as { readonly stream: Duplex }).stream;
    this.#output = new AmqpOutput(model.connection);
    const warn = (error: Error) =>
      logger?.warn("broker connection failed: {error}", { error: errorText(error), connectionName });
    model.on("error", warn);
    model.on("handler-error", warn);
    model.on("blocked", (why) => {
      this.#isBlocked = true;
      logger?.warn("broker blocks publishing: {why}", { why, connectionName });
    });
    model.on("unblocked", () => {
      this.#isBlocked = false;
      logger?.info("broker takes publishes again", { connectionName });
    });
    model.on("close", () => this.#lost.abort());
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  async openPublishChannel(): Promise<PublishChannel> {
    const { url, clock, confirmLimitMs, windowMax } = this.#options;
    const userId = decodeURIComponent(new URL(url).username);
    const channel = await this.#model.createConfirmChannel();
    this.#output.attach(channel);
    return new AmqpPublishChannel(channel, { clock, userId, confirmLimitMs, windowMax, goodbyeLimitMs });
  }

  openConsumeChannel(prefetch: number, listener: ConsumeListener): Promise<ConsumeChannel> {
    const { clock } = this.#options;
    return AmqpConsumeChannel.open({
      model: this.#model,
      output: this.#output,
      clock,
      prefetch,
      listener,
      goodbyeLimitMs,
    });
  }

  async close(): Promise<void> {
    if (!this.#lost.signal.aborted) {
      try {
        this.#model.close().catch(() => {});
      } catch {
        // Already closing.
      }
      await this.#options.clock.delay(goodbyeLimitMs, this.#lost.signal);
    }
    if (!this.#socket.closed) {
      const closed = Promise.withResolvers<void>();
      this.#socket.once("close", closed.resolve);
      this.#socket.on("error", () => {});
      // With an error, because amqplib ends its heartbeat for nothing less while it waits for the answer.
      this.#socket.destroy(this.#lost.signal.aborted ? undefined : new Error("the goodbye was not answered"));
      await closed.promise;
    }
    this.#lost.abort();
  }
}
