import type { Clock } from "@mesh/base";

/** How much somebody may ask for. */
export interface BucketPolicy {
  /** Requests at once, after a rest. */
  readonly burst: number;
  /** Requests per second, for ever. */
  readonly perSecond: number;
}

/** What became of one request. */
export interface Taken {
  readonly isAllowed: boolean;
  /** Requests that would be allowed right now. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetSeconds: number;
  /** Until the next request is allowed; 0 when it is allowed now. */
  readonly retryAfterSeconds: number;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Names remembered at most; the one seen longest ago is forgotten first, which only ever lets somebody in. */
const namesMax = 50_000;

/**
 * Counts requests per name (an address, an account) by token bucket. In this process only: a limit over all replicas is
 * the business of the edge.
 */
export class TokenBuckets {
  readonly policy: BucketPolicy;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #buckets = new Map<string, Bucket>();

  constructor(policy: BucketPolicy, clock: Pick<Clock, "monotonicMs">) {
    this.policy = policy;
    this.#clock = clock;
  }

  /** Names remembered. */
  get count(): number {
    return this.#buckets.size;
  }

  /** Takes one request's worth, if there is any. */
  take(name: string): Taken {
    const { burst, perSecond } = this.policy;
    const atMs = this.#clock.monotonicMs();
    const known = this.#buckets.get(name) ?? { tokens: burst, atMs };
    const filled = Math.min(burst, known.tokens + ((atMs - known.atMs) / 1000) * perSecond);
    const isAllowed = filled >= 1;
    const tokens = isAllowed ? filled - 1 : filled;
    // Deleted first, so that the map's order is that of the last visit.
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens, atMs });
    if (this.#buckets.size > namesMax) this.#forgetOldest();
    return {
      isAllowed,
      remaining: Math.floor(tokens),
      resetSeconds: Math.ceil((burst - tokens) / perSecond),
      retryAfterSeconds: isAllowed ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond)),
    };
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}
