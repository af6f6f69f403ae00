import { cors } from "hono/cors";
import type { GatewayMiddleware } from "../route_table.ts";

const allowedHeaders = [
  "authorization",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "last-event-id",
];
const exposedHeaders = [
  "etag",
  "link",
  "location",
  "retry-after",
  "ratelimit",
  "ratelimit-policy",
  "idempotency-replayed",
];

/**
 * Lets pages of listed origins read answers (the CORS protocol of the Fetch standard).
 *
 * The library's own middleware answers what browsers ask beforehand. For all else it would open the answer before there is
 * one, and every answer would be copied header by header, several times.
 *
 * @param origins Each as `https://shop.example`; none lets nobody in.
 */
export function crossOrigin(origins: readonly string[]): GatewayMiddleware {
  const answerPreflight = cors({
    origin: [...origins],
    allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowHeaders: allowedHeaders,
    exposeHeaders: exposedHeaders,
    maxAge: 600,
  });
  const exposed = exposedHeaders.join(",");
  return async (context, next) => {
    if (context.req.method === "OPTIONS") return await answerPreflight(context, next);
    await next();
    if (origins.length === 0) return;
    const { headers } = context.res;
    // Also for those who are not let in: a cache on the way must not mix the two up.
    headers.append("vary", "Origin");
    const origin = context.req.header("origin");
    if (origin === undefined || !origins.includes(origin)) return;
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", exposed);
  };
}
