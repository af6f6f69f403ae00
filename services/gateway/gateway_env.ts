import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AccessToken } from "@mesh/runtime";
import type { Context } from "hono";
import { invariant } from "@mesh/base";

/** What the listener tells about a connection. */
export interface ConnectionInfo {
  readonly remoteAddr?: { readonly hostname?: string };
}

/** Hono environment of the public routes. */
export interface GatewayEnv {
  readonly Bindings: ConnectionInfo;
  readonly Variables: {
    /** Set on routes that need a token. */
    readonly account: AccessToken;
    /** The token itself, to be handed on to a service that checks it again. */
    readonly token: string;
    readonly clientIp: string;
  };
}

export type GatewayApp = OpenAPIHono<GatewayEnv>;
export type GatewayContext = Context<GatewayEnv>;

/** @returns Who is calling; on public routes that is a bug. */
export function accountOf(context: Pick<GatewayContext, "get">): AccessToken {
  const account = context.get("account") as AccessToken | undefined;
  invariant(account !== undefined, "Cannot tell who is calling: the route is public");
  return account;
}
