import { once } from "node:events";
import type { Duplex } from "node:stream";
import { type ChannelModel, connect } from "amqplib";
import { type Clock, errorText, UnavailableError } from "@mesh/base";
import { backoffMs } from "./backoff.ts";
import { brokerError } from "./refusal.ts";

/** Takes notes; LogTape's loggers fit. Never receives credentials or message bodies. */
export interface BrokerLogger {
  info(message: string, properties?: Record<string, unknown>): void;
  warn(message: string, properties?: Record<string, unknown>): void;
}

/** Where and as whom to connect. */
export interface LinkOptions {
  /** `amqp://` or `amqps://` URL with user, password and vhost. */
  readonly url: string;
  /** Shown in the broker's list of connections; different for each process. */
  readonly connectionName: string;
  readonly clock: Clock;
  readonly logger?: BrokerLogger;
  /** PEM certificates to trust, for `amqps`. */
  readonly ca?: string;
}

/** 20 s, in seconds as AMQP counts it: a dead peer is noticed within a minute; below 5 s there are false alarms. */
const heartbeatSeconds = 20;
/** 10 s: longest silence of the broker while a connection is being opened. */
const handshakeLimitMs = 10_000;
/** 5 s: longest wait for a goodbye before the socket is closed without one. */
export const goodbyeLimitMs = 5_000;
/** 5 s: a connection that stood so long was no failure, so waiting starts over. */
const stableMs = 5_000;

/** One standing connection; a link has many of them in the course of time. */
export class LinkSession {
  readonly model: ChannelModel;
  /** Aborts once the connection is gone. */
  readonly lost: AbortSignal;
  readonly #lost = new AbortController();
  readonly #socket: Duplex;
  #isBlocked = false;

  constructor(model: ChannelModel, logger: BrokerLogger | undefined) {
    this.model = model;
    this.lost = this.#lost.signal;
    // amqplib ends but never destroys its socket, so after a heartbeat timeout it would linger for minutes.
    this.#socket = (model.connection as unknown as { readonly stream: Duplex }).stream;
    model.on("error", (error) => logger?.warn("broker connection failed: {error}", { error: errorText(error) }));
    model.on("handler-error", (error) => logger?.warn("broker handler failed: {error}", { error: errorText(error) }));
    model.on("blocked", (why) => {
      this.#isBlocked = true;
      logger?.warn("broker blocks publishing: {why}", { why });
    });
    model.on("unblocked", () => this.#isBlocked = false);
    model.on("close", () => this.#lost.abort());
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Says goodbye, waits for the answer for a bounded time, and frees the socket in any case. */
  async close(clock: Clock): Promise<void> {
    if (!this.lost.aborted) {
      try {
        this.model.close().catch(() => {});
      } catch {
        // Already closing.
      }
      await clock.delay(goodbyeLimitMs, this.lost);
      this.#lost.abort();
    }
    await this.freeSocket();
  }

  async freeSocket(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }
}

/** One connection that comes back: it connects, and again with back-off whenever the connection is lost. */
export class AmqpLink implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  #session: LinkSession | undefined;
  #lastError: unknown;
  readonly #running: Promise<void>;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The connection that stands now, if any. */
  get session(): LinkSession | undefined {
    return this.#session;
  }

  /** What went wrong last; for the error of whoever gave up waiting. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Calls back after each change between up and down; returns what stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for a standing connection; `undefined` when the link or the signal ended first. */
  async whenUp(signal?: AbortSignal): Promise<LinkSession | undefined> {
    const ended = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    while (this.#session === undefined && !ended.aborted) await nextCall((wake) => this.onChange(wake), ended);
    return ended.aborted ? undefined : this.#session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#session?.close(this.#options.clock);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, connectionName, logger } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        await this.#serve(await openSession(this.#options));
      } catch (error) {
        this.#lastError = error;
        logger?.warn("broker cannot be reached: {error}", { error: errorText(error), connectionName });
      }
      if (clock.monotonicMs() - startedMs >= stableMs) failures = 0;
      failures += 1;
      await clock.delay(backoffMs(failures, connectionName), this.#stop.signal);
    }
  }

  async #serve(session: LinkSession): Promise<void> {
    if (this.#stop.signal.aborted) return await session.close(this.#options.clock);
    const { logger, connectionName } = this.#options;
    this.#session = session;
    logger?.info("broker connected", { connectionName });
    this.#notify();
    await whenAborted(session.lost);
    this.#session = undefined;
    this.#notify();
    await session.freeSocket();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/**
 * Waits for the next call of a listener, or for the signal.
 *
 * @param subscribe Takes the listener and returns what removes it.
 */
export function nextCall(subscribe: (wake: () => void) => () => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      unsubscribe();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const unsubscribe = subscribe(finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}

/** Resolves once the signal has aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return nextCall(() => () => {}, signal);
}

/** @returns The user of an AMQP URL, which the broker lets us name as publisher. */
export function userOfUrl(url: string): string {
  return decodeURIComponent(new URL(url).username);
}

async function openSession({ url, connectionName, logger, ca }: LinkOptions): Promise<LinkSession> {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
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
      clientProperties: { connection_name: connectionName },
      ...(ca === undefined ? {} : { ca: [ca] }),
    });
    return new LinkSession(model, logger);
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause;
    throw brokerError(`Cannot connect to the broker at ${hostname}: ${errorText(cause)}`, "connection-lost", cause);
  }
}
