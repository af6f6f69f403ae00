import { Buffer } from "node:buffer";
import type { ConfirmChannel, Message } from "amqplib";
import { type Clock, ContractError, errorText, InFlightMap, type UnavailableError } from "@mesh/base";
import type { OutgoingMessage, PublishOutcome } from "./broker.ts";
import { bundleContentType, encodeBundle, envelopeContentType } from "./bundle.ts";
import { brokerError, type BrokerReason, reasonOfCode } from "./refusal.ts";
import type { PublishChannel } from "./transport.ts";

/** What a publishing channel needs, and its bounds. */
export interface AmqpPublishChannelOptions {
  readonly clock: Clock;
  /** The connection's own user; the broker refuses any other. */
  readonly userId: string;
  /** Longest wait for a confirm. */
  readonly confirmLimitMs: number;
  /** Unconfirmed publishes at most, those whose deadline has passed included. */
  readonly windowMax: number;
  /** Longest wait for the broker's answer to a goodbye. */
  readonly goodbyeLimitMs: number;
}

interface Pending {
  /** The message, or the first one of a bundle, by which the broker knows it. */
  readonly message: OutgoingMessage;
  readonly dueMs: number;
  isReturned: boolean;
  readonly resolve: (outcome: PublishOutcome) => void;
  readonly reject: (error: UnavailableError) => void;
}

/** A confirm channel on RabbitMQ. */
export class AmqpPublishChannel implements PublishChannel {
  readonly #channel: ConfirmChannel;
  readonly #options: AmqpPublishChannelOptions;
  /** In the order of the calls, hence in the order of their deadlines. */
  readonly #pending = new InFlightMap<number, Pending>();
  readonly #ended = new AbortController();
  #count = 0;
  #unconfirmedCount = 0;
  #isWatching = false;
  #refusal: { readonly reason: BrokerReason; readonly cause: Error } | undefined;

  constructor(channel: ConfirmChannel, options: AmqpPublishChannelOptions) {
    this.#channel = channel;
    this.#options = options;
    channel.on("return", (message: Message) => this.#noteReturn(message));
    channel.on("error", (cause: Error & { readonly code?: unknown }) => {
      const reason = reasonOfCode(cause.code);
      if (reason !== undefined) this.#refusal = { reason, cause };
    });
    // Ahead of amqplib's own listener, which fails every unconfirmed publish with the error that also means "nacked".
    channel.prependListener("close", () => this.#end());
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<PublishOutcome> {
    const message = messages[0]!;
    if (this.#unconfirmedCount >= this.#options.windowMax) {
      throw brokerError(
        `Cannot publish "${message.messageId}": ${this.#unconfirmedCount} publishes are unconfirmed`,
        "window-full",
      );
    }
    const number = this.#count += 1;
    try {
      this.#send(messages, (error) => {
        this.#unconfirmedCount -= messages.length;
        this.#settle(number, error);
      });
    } catch (cause) {
      throw sendError(message, cause);
    }
    this.#unconfirmedCount += messages.length;
    const dueMs = this.#options.clock.monotonicMs() + this.#options.confirmLimitMs;
    const { promise, resolve, reject } = Promise.withResolvers<PublishOutcome>();
    this.#pending.set(number, { message, dueMs, isReturned: false, resolve, reject });
    if (!this.#isWatching) this.#watchDeadlines();
    return promise;
  }

  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    try {
      this.#channel.close().catch(() => {});
    } catch {
      // Already closing.
    }
    await this.#options.clock.delay(this.#options.goodbyeLimitMs, this.#ended.signal);
    this.#end();
  }

  #send(messages: readonly OutgoingMessage[], onSettled: (error: unknown) => void): void {
    const { exchange, routingKey, body, messageId, type, correlationId, headers, isMandatory } = messages[0]!;
    const isBundle = messages.length > 1;
    const { buffer, byteOffset, byteLength } = isBundle ? encodeBundle(messages) : body;
    this.#channel.publish(exchange, routingKey, Buffer.from(buffer, byteOffset, byteLength), {
      mandatory: isMandatory,
      persistent: true,
      contentType: isBundle ? bundleContentType : envelopeContentType,
      // A bundle goes under the name of its first message, for operators and for the broker's returns.
      messageId,
      type,
      ...(isBundle || correlationId === undefined ? {} : { correlationId }),
      ...(isBundle ? {} : { headers }),
      userId: this.#options.userId,
    }, onSettled);
  }

  #settle(number: number, error: unknown): void {
    const pending = this.#pending.take(number);
    if (pending === undefined) return;
    if (error !== null) pending.resolve("nacked");
    else pending.resolve(pending.isReturned ? "returned" : "confirmed");
  }

  /**
   * A return comes before the confirm of its publish and names it by its properties. Where the same message is in
   * flight twice the first one takes it, which comes to the same: one copy was routed, the other was not.
   */
  #noteReturn({ fields, properties }: Message): void {
    for (const pending of this.#pending.values()) {
      const { messageId, exchange, routingKey, isMandatory } = pending.message;
      const isIt = isMandatory && !pending.isReturned && messageId === properties.messageId &&
        exchange === fields.exchange && routingKey === fields.routingKey;
      if (isIt) {
        pending.isReturned = true;
        return;
      }
    }
  }

  async #watchDeadlines(): Promise<void> {
    this.#isWatching = true;
    while (!this.#ended.signal.aborted) {
      const first = this.#pending.values().next();
      if (first.done === true) break;
      await this.#options.clock.delay(
        Math.max(0, first.value.dueMs - this.#options.clock.monotonicMs()),
        this.#ended.signal,
      );
      this.#expire(this.#options.clock.monotonicMs());
    }
    this.#isWatching = false;
  }

  #expire(nowMs: number): void {
    for (const [number, { message, dueMs, reject }] of this.#pending) {
      if (dueMs > nowMs) return;
      this.#pending.delete(number);
      reject(
        brokerError(
          `Cannot publish "${message.messageId}": no confirm within ${this.#options.confirmLimitMs} ms`,
          "confirm-late",
        ),
      );
    }
  }

  /** Fails everything pending: the one that the broker refused with its reason, the others as unknown. */
  #end(): void {
    if (this.#ended.signal.aborted) return;
    const culprit = this.#findCulprit();
    for (const pending of this.#pending.values()) {
      const { messageId, exchange, routingKey } = pending.message;
      pending.reject(
        pending === culprit
          ? brokerError(
            `Cannot publish "${messageId}" to "${exchange}" with key "${routingKey}": the broker refused it`,
            this.#refusal!.reason,
            this.#refusal!.cause,
          )
          : brokerError(
            `Cannot publish "${messageId}": the channel closed before its confirm`,
            this.#refusal === undefined ? "connection-lost" : "channel-lost",
            this.#refusal?.cause,
          ),
      );
    }
    this.#pending.clear();
    this.#ended.abort();
  }

  /** The broker names what it refused only in its text: the exchange always, the routing key where that was at fault. */
  #findCulprit(): Pending | undefined {
    if (this.#refusal === undefined) return undefined;
    const text = errorText(this.#refusal.cause);
    const named = [...this.#pending.values()].filter(({ message }) =>
      text.includes(`'${message.exchange || "amq.default"}'`)
    );
    return text.includes(" topic '")
      ? named.find(({ message }) => text.includes(` topic '${message.routingKey}'`))
      : named[0];
  }
}

function sendError({ messageId }: OutgoingMessage, cause: unknown): Error {
  const text = `Cannot publish "${messageId}": ${errorText(cause)}`;
  const isClosing = cause instanceof Error && cause.name === "IllegalOperationError";
  return isClosing ? brokerError(text, "connection-lost", cause) : new ContractError(text, { cause });
}
