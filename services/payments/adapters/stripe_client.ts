import Stripe from "stripe";

/** Where Stripe, or something that speaks its API, is. */
export interface StripeEndpoint {
  /** The secret key, `sk_...`. */
  readonly secretKey: string;
  /** Default: Stripe's own host. */
  readonly host?: string;
  readonly port?: number;
  readonly protocol?: "http" | "https";
}

/** Makes a client whose requests end when the signal aborts. Cheap (0.1 ms), so there is one for each effect. */
export type StripeClientFor = (signal: AbortSignal) => Stripe;

/**
 * An upper bound for one request, in milliseconds, should a caller pass a signal that never aborts. The effect's own
 * deadline is shorter.
 */
const requestMaxMs = 60_000;

/**
 * Makes clients of one endpoint.
 *
 * Their own retries are off, because the effect executor retries. Two layers below still repeat a request: the
 * package does after `ECONNRESET` or `EPIPE` (prevented here by hiding the code), and Deno's `fetch` does when a kept
 * connection closes before the answer begins (denoland/deno#35610). The latter stays: the copy carries the same
 * idempotency key, so the provider sees one request.
 *
 * @param endpoint Where to send requests.
 */
export function stripeClients(endpoint: StripeEndpoint): StripeClientFor {
  const { secretKey, host, port, protocol } = endpoint;
  return (signal) =>
    new Stripe(secretKey, {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(protocol === undefined ? {} : { protocol }),
      httpClient: Stripe.createFetchHttpClient(fetchUntil(signal)),
      maxNetworkRetries: 0,
      timeout: requestMaxMs,
      telemetry: false,
    });
}

function fetchUntil(signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const signals = [signal, ...(init?.signal ? [init.signal] : [])];
    try {
      return await fetch(input, { ...init, signal: AbortSignal.any(signals) });
    } catch (error) {
      throw new TypeError("Cannot reach the payment provider", { cause: error });
    }
  };
}
