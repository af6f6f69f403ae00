import type { GatewayMiddleware } from "../route_table.ts";

/**
 * Finds out where a request came from.
 *
 * @param proxyHops Proxies before this process that add to `X-Forwarded-For`; what stands further left in it was written
 * by anybody. 0 trusts the connection alone.
 */
export function clientAddress(proxyHops: number): GatewayMiddleware {
  return async (context, next) => {
    const behind = proxyHops === 0
      ? undefined
      : (context.req.header("x-forwarded-for") ?? "").split(",").at(-proxyHops)?.trim();
    // Without a listener (in tests) there is no connection.
    const connected = context.env?.remoteAddr?.hostname ?? "127.0.0.1";
    context.set("clientIp", behind !== undefined && addressPattern.test(behind) ? behind : connected);
    await next();
  };
}

/** What an address consists of, of either version; anything else is no name to count by. */
const addressPattern = /^[0-9a-fA-F.:]{3,45}$/;
