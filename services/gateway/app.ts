import { OpenAPIHono } from "@hono/zod-openapi";
import { secureHeaders } from "hono/secure-headers";
import type { AccessToken } from "@mesh/runtime";
import type { GatewayApp, GatewayEnv } from "./gateway_env.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { guardBody, limitBody } from "./middleware/body_guard.ts";
import { clientAddress } from "./middleware/client_address.ts";
import { crossOrigin } from "./middleware/cross_origin.ts";
import { problemFrom, refuseInvalid } from "./middleware/problems.ts";
import { limitRate } from "./middleware/rate_limit.ts";
import { refuseMethods } from "./middleware/refuse_methods.ts";
import { limitTime } from "./middleware/request_deadline.ts";
import { openapiDocument } from "./openapi_document.ts";
import { notFound } from "./refusal.ts";
import { RouteTable } from "./route_table.ts";
import { addAccountRoutes } from "./routes/accounts.ts";
import { addAuditRoutes } from "./routes/audit.ts";
import { addCancelOrderRoute } from "./routes/cancel_order.ts";
import { addDocsRoutes } from "./routes/docs.ts";
import { addLandingRoute } from "./routes/landing.ts";
import { addMeRoutes } from "./routes/me.ts";
import { addOrderEventsRoute } from "./routes/order_events.ts";
import { addOrderRoutes } from "./routes/orders.ts";
import { addPlaceOrderRoute } from "./routes/place_order.ts";
import { addProductRoutes } from "./routes/products.ts";
import { addStaffRoutes } from "./routes/staff.ts";
import { addWellKnownRoutes } from "./routes/well_known.ts";
import { TokenBuckets } from "./token_buckets.ts";

/** The public application, and what it has opened. */
export interface Gateway {
  readonly app: GatewayApp;
  readonly table: RouteTable;
}

/**
 * Makes the public HTTP application.
 *
 * @returns An app without a listener; `fetch` takes the listener's information about the connection.
 */
export function gatewayApp(parts: GatewayParts): Gateway {
  const app: GatewayApp = new OpenAPIHono<GatewayEnv>({ defaultHook: refuseInvalid });
  const table = new RouteTable(app);
  app.onError((error, context) => problemFrom(error, context, parts.log));
  app.notFound((context) => problemFrom(notFound(), context, parts.log));
  addMiddleware(app, table, parts);

  addAccountRoutes(table, parts);
  addMeRoutes(table, parts);
  addProductRoutes(table, parts.models);
  addPlaceOrderRoute(table, parts);
  addOrderRoutes(table, parts);
  addOrderEventsRoute(table, parts);
  addCancelOrderRoute(table, parts);
  addStaffRoutes(table, parts);
  addAuditRoutes(table, parts);

  addWellKnownRoutes(table, parts);
  addDocsRoutes(table);
  addLandingRoute(table);
  app.openAPIRegistry.registerComponent("securitySchemes", "accessToken", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT (RFC 9068)",
    description: "From POST /v1/sessions; the words after it are scopes.",
  });
  const document = openapiDocument(app);
  table.addPlain("public", "/openapi.json", (context) => context.json(document));
  return { app, table };
}

/** From the outside in: what costs least and knows least comes first. */
function addMiddleware(app: GatewayApp, table: RouteTable, { config, clock, accessTokens }: GatewayParts): void {
  app.use(secureHeaders({
    // Answers are data; pages bring a policy of their own.
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    xFrameOptions: "DENY",
    overwrite: false,
  }));
  app.use(refuseMethods);
  app.use(crossOrigin(config.corsOrigins));
  app.use(clientAddress(config.proxyHops));
  app.use(limitRate("address", new TokenBuckets(config.addressRate, clock), (context) => context.get("clientIp")));
  const credentials = limitRate(
    "credentials",
    new TokenBuckets(config.credentialRate, clock),
    (context) => context.req.method === "POST" ? context.get("clientIp") : undefined,
  );
  for (const path of ["/v1/accounts", "/v1/sessions", "/v1/sessions/refresh"]) app.use(path, credentials);
  app.use(limitTime(clock));
  app.use(authenticate(table, accessTokens));
  app.use(limitRate(
    "account",
    new TokenBuckets(config.accountRate, clock),
    (context) => (context.get("account") as AccessToken | undefined)?.subject,
  ));
  app.use(limitBody);
  app.use(guardBody);
}
