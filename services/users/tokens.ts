import { SignJWT } from "jose";
import { type Clock, type IdSource, sha256 } from "@mesh/base";
import type { Role } from "./contract.ts";
import type { TokenKeys } from "./token_keys.ts";

/** What stands in every access token. */
export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  /** The application that people log in to; there is one. */
  readonly clientId: string;
}

/** Life of an access token, in seconds: as long as a withdrawn right may live on. */
export const accessTokenLifeSeconds = 600;

/** Scopes by role. */
export const scopeOfRole: Readonly<Record<Role, string>> = Object.freeze({
  customer: "shop",
  staff: "shop staff",
  auditor: "audit",
  operator: "operator",
});

/** How long sessions of a role last. */
export interface SessionLife {
  /** Without a refresh, in milliseconds. */
  readonly idleMs: number;
  /** From the login on, in milliseconds. */
  readonly wholeMs: number;
}

const customerLife: SessionLife = Object.freeze({ idleMs: 7 * 86_400_000, wholeMs: 30 * 86_400_000 });
/** Who may see or change what belongs to others logs in once a day. */
const staffLife: SessionLife = Object.freeze({ idleMs: 3_600_000, wholeMs: 12 * 3_600_000 });

/** Says how long sessions of a role last. */
export function sessionLifeOf(role: Role): SessionLife {
  return role === "customer" ? customerLife : staffLife;
}

/** Issues access tokens (RFC 9068). */
export interface AccessTokenIssuer {
  /** @param customerId Becomes `sub`: a pseudonym, so that a token holds no personal data. */
  issue(customerId: string, role: Role): Promise<string>;
}

/**
 * Makes an issuer.
 *
 * @param options `clock` is the wall clock, which `iat` and `exp` are about.
 */
export function accessTokenIssuer(
  options: TokenSettings & { readonly keys: TokenKeys; readonly clock: Pick<Clock, "nowMs">; readonly ids: IdSource },
): AccessTokenIssuer {
  const { issuer, audience, clientId, keys: { signingKey, kid }, clock, ids } = options;
  return {
    issue: (customerId, role) => {
      const issuedAtSeconds = Math.floor(clock.nowMs() / 1000);
      return new SignJWT({ client_id: clientId, scope: scopeOfRole[role] })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(customerId)
        .setJti(ids.next())
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(issuedAtSeconds + accessTokenLifeSeconds)
        .sign(signingKey);
    },
  };
}

/** Bytes of a refresh token: 256 bits, so hashing it needs no salt and guessing it no throttle. */
const refreshTokenBytes = 32;

/**
 * Draws a refresh token.
 *
 * @param randomBytes Draws that many unpredictable bytes.
 * @returns 43 characters of base64url; it says nothing, not even whose it is.
 */
export function drawRefreshToken(randomBytes: (count: number) => Uint8Array<ArrayBuffer>): string {
  return randomBytes(refreshTokenBytes).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** What is stored of a refresh token: whoever reads the table can log in as nobody. */
export function hashRefreshToken(token: string): string {
  return sha256(token);
}
