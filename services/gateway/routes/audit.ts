import { z } from "@hono/zod-openapi";
import { describeRoute } from "../described_route.ts";
import type { GatewayContext } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { unavailable } from "../refusal.ts";
import type { RouteTable } from "../route_table.ts";

/** Header that carries the caller's own access token; `Authorization` carries the gateway's call token. */
export const callerTokenHeader = "mesh-access-token";

const listEvents = describeRoute({
  method: "get",
  path: "/audit/v1/events",
  scope: "audit",
  tag: "Audit",
  summary: "Lists signed events, each with whether its signature verified",
  description: "Answered by the audit service, which checks the access token again.",
  request: {
    // Read by the audit service; listed here for people.
    query: z.object({
      order: z.string().optional(),
      correlation: z.string().optional(),
      subject: z.string().optional().openapi({ description: "A stream: `<service>/<key>`" }),
      type: z.string().optional(),
      signer: z.string().optional(),
      actor: z.string().optional(),
      kid: z.string().optional(),
      from: z.string().optional(),
      to: z.string().optional(),
      cursor: z.string().optional(),
      limit: z.string().optional(),
    }),
  },
  answers: {
    200: { description: "One page of the audit log", schema: z.looseObject({ items: z.array(z.unknown()) }) },
  },
});

const readEvent = describeRoute({
  method: "get",
  path: "/audit/v1/events/{eventId}",
  scope: "audit",
  tag: "Audit",
  summary: "Shows one signed event",
  request: { params: z.object({ eventId: z.string() }) },
  answers: { 200: { description: "The event, with its envelope", schema: z.looseObject({}) } },
});

/** Headers of the audit service's answers that pass to the client. */
const passedHeaders = ["content-type", "cache-control", "etag", "link", "retry-after"];

/** The audit service behind the gateway. */
export function addAuditRoutes(table: RouteTable, { peers }: Pick<GatewayParts, "peers">): void {
  const relay = (context: GatewayContext) => relayToAudit(context, peers);
  table.add(listEvents, relay);
  table.add(readEvent, relay);
  table.addPlain("audit", "/audit/v1/*", relay);
}

async function relayToAudit(context: GatewayContext, peers: GatewayParts["peers"]): Promise<Response> {
  const { pathname, search } = new URL(context.req.url);
  const headers: Record<string, string> = { [callerTokenHeader]: context.get("token") };
  for (const name of ["accept", "if-none-match"]) {
    const value = context.req.header(name);
    if (value !== undefined) headers[name] = value;
  }
  const response = await peers.call("audit", `${pathname}${search}`, { headers });
  // Its own failures, and its refusal of our call token, are not the client's business.
  if (response.status >= 500 || response.status === 401) {
    await response.body?.cancel();
    throw unavailable(2);
  }
  const passed = new Headers();
  for (const name of passedHeaders) {
    const value = response.headers.get(name);
    if (value !== null) passed.set(name, value);
  }
  return new Response(response.body, { status: response.status, headers: passed });
}
