import type { Clock } from "@mesh/base";
import { MemoryConsumeChannel, MemoryPublishChannel, type MemoryServerSide } from "./memory_channels.ts";
import { brokerError } from "./refusal.ts";
import type { ConsumeListener, TransportSession } from "./transport.ts";

/** What a connection in memory needs. */
export interface MemorySessionOptions {
  readonly server: MemoryServerSide;
  readonly user: string;
  readonly clock: Clock;
  readonly confirmLimitMs: number;
}

interface Endable {
  end(reason: "connection-lost"): void;
}

/** A connection in memory. */
export class MemorySession implements TransportSession {
  readonly #options: MemorySessionOptions;
  readonly #lost = new AbortController();
  readonly #channels: Endable[] = [];

  constructor(options: MemorySessionOptions) {
    this.#options = options;
  }

  get user(): string {
    return this.#options.user;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isBlocked(): boolean {
    return this.#options.server.isBlocked;
  }

  openPublishChannel(): Promise<MemoryPublishChannel> {
    return this.#track(new MemoryPublishChannel(this.#options));
  }

  openConsumeChannel(prefetch: number, listener: ConsumeListener): Promise<MemoryConsumeChannel> {
    const { server, user } = this.#options;
    return this.#track(new MemoryConsumeChannel({ server, user, prefetch, listener }));
  }

  close(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  /** Ends the connection and its channels, as a cut does. */
  end(): void {
    if (this.#lost.signal.aborted) return;
    // Without a reason an exception is made for it, with its stack.
    this.#lost.abort("connection-lost");
    for (const channel of this.#channels) channel.end("connection-lost");
  }

  #track<Channel extends Endable>(channel: Channel): Promise<Channel> {
    if (this.#lost.signal.aborted) {
      return Promise.reject(brokerError("Cannot open channel: the connection is gone", "connection-lost"));
    }
    this.#channels.push(channel);
    return Promise.resolve(channel);
  }
}
