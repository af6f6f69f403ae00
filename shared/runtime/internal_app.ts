import { errorCode, errorText } from "@mesh/base";
import type { Store } from "@mesh/store";
import { Hono, type MiddlewareHandler } from "hono";
import type { AccessToken, AccessTokenVerifier } from "./access_token.ts";
import { bearerToken } from "./access_token.ts";
import type { Log } from "./log.ts";
import { type Operations, operatorRoutes } from "./operator_routes.ts";
import { problemResponse } from "./problem.ts";

/** Variables that the internal port's middleware sets. */
export interface InternalVariables {
  /** Service that calls; set on routes behind a call token. */
  readonly caller: string;
  /** Operator's token; set on operator routes. */
  readonly operator: AccessToken;
}

/** Hono environment of routes on the internal port. */
export interface InternalEnv {
  readonly Variables: InternalVariables;
}

/** What the internal port shows and does. */
export interface InternalAppOptions {
  readonly service: string;
  readonly store: Store;
  readonly log: Log;
  /** Everything that keeps the service from being ready; empty when it is. */
  readonly faults: () => Promise<readonly string[]> | readonly string[];
  readonly renderMetrics: () => Promise<string>;
  /** Verifies a call token and names the caller. */
  readonly verifyCall: (token: string) => Promise<string>;
  /** Absent where no access tokens are configured: operator routes then answer 401. */
  readonly accessTokens?: AccessTokenVerifier;
  readonly operations: Operations;
  /** Routes of the service itself, mounted at the root; they choose their own callers. */
  readonly routes?: Hono<InternalEnv>;
}

/**
 * The internal port: health, readiness, metrics, the feed, operator routes, and a service's own routes for its peers.
 */
export function internalApp(options: InternalAppOptions): Hono<InternalEnv> {
  const { service, store, log, faults, renderMetrics, verifyCall, accessTokens, operations, routes } = options;
  const app = new Hono<InternalEnv>();
  app.onError((error) => problemOf(error, log));
  app.notFound(() => problemResponse({ status: 404, title: "Not found", type: "not-found" }));

  app.get("/health/live", (c) => c.json({ service, status: "live" }));
  app.get("/health/ready", async (c) => {
    const found = await faults();
    return c.json(
      { service, status: found.length === 0 ? "ready" : "not-ready", faults: found },
      found.length === 0 ? 200 : 503,
    );
  });
  app.get("/metrics", async (c) => c.text(await renderMetrics(), 200, { "content-type": "text/plain; version=0.0.4" }));

  app.use("/mesh/v1/*", callerOnly(verifyCall));
  app.get("/mesh/v1/events", async (c) => {
    const { after = "", types, limit, lagMs } = c.req.query();
    const lag = wholeNumber(lagMs, 0, 86_400_000) ?? 0;
    const page = await store.readFeed({
      after,
      ...(types === undefined ? {} : { types: types.split(",") }),
      ...(lag === 0 ? {} : { untilMs: (await store.nowMs()) - lag }),
      limit: wholeNumber(limit, 1, 1000) ?? 500,
    });
    return c.json(page);
  });
  app.get("/mesh/v1/streams/:stream", async (c) => {
    const from = wholeNumber(c.req.query("from"), 1, Number.MAX_SAFE_INTEGER) ?? 1;
    return c.json({ items: await store.readStream(c.req.param("stream"), from, 500) });
  });

  app.use("/operator/v1/*", operatorOnly(accessTokens));
  app.route("/operator/v1", operatorRoutes(operations));
  if (routes !== undefined) app.route("/", routes);
  return app;
}

/**
 * Lets services pass that the contracts allow to call this one.
 *
 * @param verifyCall Verifies the call token.
 * @param callers Only these; all that the contracts allow when absent.
 */
export function callerOnly(
  verifyCall: (token: string) => Promise<string>,
  callers?: readonly string[],
): MiddlewareHandler<InternalEnv> {
  return async (c, next) => {
    const caller = await verifyCall(bearerToken(c.req.header("authorization")));
    if (callers !== undefined && !callers.includes(caller)) {
      return problemResponse({ status: 403, title: "Not allowed", type: "not-allowed" });
    }
    c.set("caller", caller);
    await next();
  };
}

function operatorOnly(accessTokens: AccessTokenVerifier | undefined): MiddlewareHandler<InternalEnv> {
  return async (c, next) => {
    const token = await accessTokens?.verify(bearerToken(c.req.header("authorization")));
    if (token === undefined) {
      return problemResponse({ status: 401, title: "Not authenticated", type: "unauthenticated" });
    }
    if (!token.scopes.has("operator")) {
      return problemResponse({ status: 403, title: "Scope operator is missing", type: "not-allowed" });
    }
    c.set("operator", token);
    await next();
  };
}

/** @returns The problem that stands for an error; internals stay in the log. */
function problemOf(error: unknown, log: Log): Response {
  switch (errorCode(error)) {
    case "envelope.untrusted":
      return problemResponse({ status: 401, title: "Not authenticated", type: "unauthenticated" });
    case "contract.invalid":
      return problemResponse({
        status: 400,
        title: "Request is malformed",
        type: "malformed",
        detail: errorText(error),
      });
    case "store.conflict":
      return problemResponse({ status: 409, title: "Conflict", type: "conflict", detail: errorText(error) });
    case "dependency.unavailable":
      return problemResponse({ status: 503, title: "Not available now", type: "unavailable", retryAfterSeconds: 2 });
    default:
      log.error("Internal request failed: {error}", { error: errorText(error) });
      return problemResponse({ status: 500, title: "Internal error", type: "internal" });
  }
}

/** @returns The number, or `undefined` when the text is no whole number in the range. */
function wholeNumber(text: string | undefined, min: number, max: number): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
}
