import type { Cause } from "@mesh/actor";
import { TrustError } from "@mesh/base";
import {
  type AccessToken,
  type AccessTokenVerifier,
  bearerToken,
  type InternalEnv,
  problemResponse,
} from "@mesh/runtime";
import type { MiddlewareHandler } from "hono";

/** Header in which the gateway hands on its caller's access token; `Authorization` holds its own call token then. */
export const callerTokenHeader = "mesh-access-token";

/** Hono environment of the audit's routes. */
export interface AuditEnv {
  readonly Variables: InternalEnv["Variables"] & {
    /** Who reads. */
    readonly reader: Cause;
  };
}

/** How readers are known. */
export interface AccessOptions {
  /** Verifies a call token and names the calling service. */
  readonly verifyCall: (token: string) => Promise<string>;
  /** Absent where no access tokens are configured: nobody may read then. */
  readonly accessTokens?: AccessTokenVerifier;
}

/**
 * Lets auditors pass: through the gateway, which proves itself too, or straight, with an access token.
 *
 * Operators pass on the straight way as well, so that `mesh` can tell an order's story to those who have to mend it. Every
 * reading is recorded with its reader, whoever that is.
 */
export function readersOnly({ verifyCall, accessTokens }: AccessOptions): MiddlewareHandler<AuditEnv> {
  return async (c, next) => {
    const handedOn = c.req.header(callerTokenHeader);
    const own = bearerToken(c.req.header("authorization"));
    if (accessTokens === undefined) throw new TrustError("Cannot let anybody read: no access tokens are configured");
    if (handedOn !== undefined && await verifyCall(own) !== "gateway") return refused();
    const token = await accessTokens.verify(handedOn ?? own);
    const isAllowed = token.scopes.has("audit") || (handedOn === undefined && token.scopes.has("operator"));
    if (!isAllowed) return refused();
    c.set("reader", causeOf(token, handedOn === undefined ? "audit" : "gateway"));
    await next();
  };
}

function causeOf({ subject, tokenHash }: AccessToken, via: string): Cause {
  return { subject, via, tokenHash };
}

function refused(): Response {
  return problemResponse({ status: 403, title: "Scope audit is missing", type: "not-allowed" });
}
