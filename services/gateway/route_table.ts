import type { RouteHandler } from "@hono/zod-openapi";
import type { Handler, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { DescribedRoute, Method, RequestParts, Scope, TypedConfig } from "./described_route.ts";
import type { GatewayApp, GatewayContext, GatewayEnv } from "./gateway_env.ts";

/** One route that exists, and who may call it. */
export interface OpenRoute {
  /** In capitals. */
  readonly method: string;
  /** As Hono writes it, with `:parameters`. */
  readonly path: string;
  readonly scope: Scope;
}

/** The only way to open a route: what is not declared here is refused, even if a handler is there. */
export class RouteTable {
  readonly #app: GatewayApp;
  readonly #scopes = new Map<string, OpenRoute>();

  constructor(app: GatewayApp) {
    this.#app = app;
  }

  /** All routes that are open. */
  get routes(): readonly OpenRoute[] {
    return [...this.#scopes.values()];
  }

  /** Opens a documented route. */
  add<P extends string, M extends Method, Q extends RequestParts>(
    route: DescribedRoute<P, M, Q>,
    handler: RouteHandler<TypedConfig<P, M, Q>, GatewayEnv>,
  ): void {
    this.#note(route.method, route.path.replaceAll(/\{(.+?)\}/g, ":$1"), route.scope);
    this.#app.openapi(route.config, handler as Handler);
  }

  /** Opens a route for people and tools that is no part of the API: pages, keys, health. */
  addPlain(
    scope: Scope,
    path: string,
    handler: (context: GatewayContext) => Response | Promise<Response>,
  ): void {
    this.#note("get", path, scope);
    this.#app.get(path, handler);
  }

  /**
   * Finds the scope of the route that will answer.
   *
   * @returns `none` when nothing answers there, `undeclared` when a handler was put there past this table.
   */
  scopeOf(context: GatewayContext): Scope | "none" | "undeclared" {
    const found = matchedRoutes(context).findLast(({ method }) => method !== "ALL");
    if (found === undefined) return "none";
    return this.#scopes.get(nameOf(found.method, found.path))?.scope ?? "undeclared";
  }

  #note(method: string, path: string, scope: Scope): void {
    this.#scopes.set(nameOf(method, path), { method: method.toUpperCase(), path, scope });
  }
}

function nameOf(method: string, path: string): string {
  return `${method.toUpperCase()} ${path}`;
}

/** Middleware of the gateway. */
export type GatewayMiddleware = MiddlewareHandler<GatewayEnv>;
