import { AsyncLocalStorage } from "node:async_hooks";
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

/** The client of one endpoint. */
export interface StripeClient {
  readonly client: Stripe;
  /**
   * Lets work use the client for no longer than a signal allows: every request that the work leads to ends when it aborts.
   *
   * @param signal The deadline of one effect.
   */
  until<Answer>(signal: AbortSignal, work: () => Promise<Answer>): Promise<Answer>;
}

/** An upper bound for a request that is made outside of `until`, in milliseconds. Nothing of ours is. */
const requestMaxMs = 60_000;

/**
 * Makes the client of an endpoint, one for the process: to make one costs as much as a request.
 *
 * Its own retries are off, because the effect executor retries. Two layers below still repeat a request: the
 * package does after `ECONNRESET` or `EPIPE` (prevented here by hiding the code), and Deno's `fetch` does when a kept
 * connection closes before the answer begins (denoland/deno#35610). The latter stays: the copy carries the same
 * idempotency key, so the provider sees one request.
 *
 * @param endpoint Where to send requests.
 */
export function stripeClient(endpoint: StripeEndpoint): StripeClient {
  const { secretKey, host, port, protocol } = endpoint;
  // The package knows no signal, and hands nothing of its caller's on to its HTTP client.
  const signals = new AsyncLocalStorage<AbortSignal>();
  const client = new Stripe(secretKey, {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
    httpClient: new SignalledHttpClient(() => signals.getStore() ?? AbortSignal.timeout(requestMaxMs)),
    maxNetworkRetries: 0,
    telemetry: false,
  });
  return { client, until: (signal, work) => signals.run(signal, work) };
}

type Request = Parameters<InstanceType<typeof Stripe.HttpClient>["makeRequest"]>;

/** Sends over `fetch` with the signal of whoever asks; the package's own client makes a timer and two signals more. */
class SignalledHttpClient extends Stripe.HttpClient {
  readonly #signal: () => AbortSignal;

  constructor(signal: () => AbortSignal) {
    super();
    this.#signal = signal;
  }

  override getClientName(): string {
    return "fetch";
  }

  override async makeRequest(
    ...[host, port, path, method, headers, body, protocol]: Request
  ): Promise<FetchedResponse> {
    try {
      const response = await fetch(`${protocol}://${host}:${port}${path}`, {
        method,
        headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
        // A POST without a body would get two announcements of its length.
        ...(method === "POST" ? { body } : {}),
        redirect: "error",
        signal: this.#signal(),
      });
      return new FetchedResponse(response);
    } catch (error) {
      throw new TypeError("Cannot reach the payment provider", { cause: error });
    }
  }
}

/** An answer that has begun; the signal of its request also ends the reading of its body. */
class FetchedResponse extends Stripe.HttpClientResponse {
  readonly #response: Response;

  constructor(response: Response) {
    super(response.status, Object.fromEntries(response.headers));
    this.#response = response;
  }

  override getRawResponse(): Response {
    return this.#response;
  }

  override toStream(onRead: () => void): ReadableStream<Uint8Array> | null {
    onRead();
    return this.#response.body;
  }

  override async toJSON(): Promise<unknown> {
    const text = await this.#response.text().catch((error) => {
      throw Stripe.HttpClient.makeResponseBodyError(new Error("The answer ended early", { cause: error }));
    });
    return this._parseResponseBody(text);
  }
}
