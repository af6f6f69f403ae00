import { type AccessTokenVerifier, bearerToken } from "@mesh/runtime";
import type { Scope } from "../described_route.ts";
import { RefusalError } from "../refusal.ts";
import type { GatewayMiddleware, RouteTable } from "../route_table.ts";

/**
 * Lets in who may call the route that will answer; a route that nobody has declared is closed to all.
 *
 * @param table Knows every route's scope.
 */
export function authenticate(
  table: Pick<RouteTable, "scopeOf">,
  accessTokens: AccessTokenVerifier,
): GatewayMiddleware {
  return async (context, next) => {
    const scope = table.scopeOf(context);
    if (scope === "undeclared") throw notAllowed("nobody");
    if (scope !== "none" && scope !== "public") {
      const token = bearerToken(context.req.header("authorization"));
      const account = await accessTokens.verify(token);
      if (!account.scopes.has(scope)) throw notAllowed(scope);
      context.set("account", account);
      context.set("token", token);
    }
    await next();
  };
}

function notAllowed(scope: Scope | "nobody"): RefusalError {
  // RFC 6750 3.1: the token is good, its scope is not.
  const headers = { "www-authenticate": `Bearer realm="jangteo", error="insufficient_scope", scope="${scope}"` };
  return new RefusalError({ status: 403, type: "not-allowed", title: "The token does not allow this" }, { headers });
}
