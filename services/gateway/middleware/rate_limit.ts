import type { GatewayContext } from "../gateway_env.ts";
import { RefusalError } from "../refusal.ts";
import type { GatewayMiddleware } from "../route_table.ts";
import type { TokenBuckets } from "../token_buckets.ts";

/**
 * Limits requests by name; answers carry the fields of draft-ietf-httpapi-ratelimit-headers.
 *
 * @param policy Name of the policy, for the header.
 * @param nameOf Who is counted; `undefined` for nobody.
 */
export function limitRate(
  policy: string,
  buckets: TokenBuckets,
  nameOf: (context: GatewayContext) => string | undefined,
): GatewayMiddleware {
  const { burst, perSecond } = buckets.policy;
  const policyHeader = `"${policy}";q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`;
  return async (context, next) => {
    const name = nameOf(context);
    if (name === undefined) return await next();
    const { isAllowed, remaining, resetSeconds, retryAfterSeconds } = buckets.take(name);
    const rate = `"${policy}";r=${remaining};t=${resetSeconds}`;
    if (!isAllowed) {
      throw new RefusalError(
        { status: 429, type: "too-many-requests", title: "Too many requests", retryAfterSeconds },
        { headers: { "ratelimit-policy": policyHeader, ratelimit: rate } },
      );
    }
    await next();
    const { headers } = context.res;
    headers.set("ratelimit-policy", policyHeader);
    headers.set("ratelimit", rate);
  };
}
