import { type Clock, errorText } from "@mesh/base";
import { backoffMs } from "./backoff.ts";
import type { BrokerLogger, TransportSession } from "./transport.ts";
import { nextCall, whenAborted } from "./waiting.ts";

/** What to keep up. */
export interface LinkOptions {
  readonly open: () => Promise<TransportSession>;
  /** For the log, and to spread the back-off of many processes. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: BrokerLogger | undefined;
}

/** 5 s: a connection that stood so long was no failure, so waiting starts over. */
const stableMs = 5_000;

/** One connection that comes back: it connects, and again with back-off whenever the connection is lost. */
export class Link implements AsyncDisposable {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #running: Promise<void>;
  #session: TransportSession | undefined;
  #lastError: unknown;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** The connection that stands now, if any. */
  get session(): TransportSession | undefined {
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
  async whenUp(signal: AbortSignal): Promise<TransportSession | undefined> {
    const stop = this.#stop.signal;
    if (this.#session === undefined && !signal.aborted && !stop.aborted) {
      const ended = AbortSignal.any([signal, stop]);
      while (this.#session === undefined && !ended.aborted) await nextCall((wake) => this.onChange(wake), ended);
    }
    return signal.aborted || stop.aborted ? undefined : this.#session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { open, name, clock, logger } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const startedMs = clock.monotonicMs();
      try {
        await this.#serve(await open());
      } catch (error) {
        this.#lastError = error;
        logger?.warn("broker cannot be reached: {error}", { error: errorText(error), name });
      }
      failures = clock.monotonicMs() - startedMs >= stableMs ? 1 : failures + 1;
      await clock.delay(backoffMs(failures, name), this.#stop.signal);
    }
  }

  /** Stands by a connection until it is lost or the link ends. */
  async #serve(session: TransportSession): Promise<void> {
    const { logger, name } = this.#options;
    if (!this.#stop.signal.aborted) {
      logger?.info("broker connected", { name });
      this.#session = session;
      this.#notify();
      await whenAborted(session.lost, this.#stop.signal);
      this.#session = undefined;
      this.#notify();
    }
    await session.close();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
