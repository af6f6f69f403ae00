import { type Clock, errorText } from "@mesh/base";
import { backoffMs, type BackoffPolicy } from "./backoff.ts";
import type { Link } from "./link.ts";
import type { BrokerLogger, TransportSession } from "./transport.ts";

/**
 * 20 to 500 ms: a channel is cheap to open again; one that is refused again and again must neither spin nor hold up
 * what else wants to be published.
 */
const channelBackoff: BackoffPolicy = Object.freeze({ delayFirstMs: 20, delayMaxMs: 500 });
/** 1 s: a channel that lived so long was no failure, so it is opened again at once. */
const stableMs = 1_000;

/** What to keep alive. */
export interface KeepServingOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly name: string;
  readonly logger: BrokerLogger | undefined;
  /** Ends it all. */
  readonly signal: AbortSignal;
}

/**
 * Runs `serve` again and again, on each connection that stands, until the signal aborts or the link ends.
 *
 * @param serve Opens a channel and resolves when it is closed; may throw when it cannot be opened.
 */
export async function keepServing(
  { link, clock, name, logger, signal }: KeepServingOptions,
  serve: (session: TransportSession) => Promise<void>,
): Promise<void> {
  let failures = 0;
  for (;;) {
    const session = await link.whenUp(signal);
    if (session === undefined) return;
    const startedMs = clock.monotonicMs();
    try {
      await serve(session);
    } catch (error) {
      logger?.warn("broker channel failed: {error}", { error: errorText(error), name });
    }
    failures = clock.monotonicMs() - startedMs >= stableMs ? 0 : failures + 1;
    if (failures > 0) {
      await clock.delay(backoffMs(failures, name, channelBackoff), AbortSignal.any([signal, session.lost]));
    }
  }
}
