import { base64url, type CryptoKey, errors, jwtVerify } from "jose";
import { z } from "zod";
import { type Clock, errorCode, sha256, TrustError } from "@mesh/base";
import type { AccessTokenKeys } from "./access_token_keys.ts";
import { VerifiedTokens } from "./verified_tokens.ts";

/** What a verified access token says. The only way to get one is a verifier. */
export interface AccessToken {
  /** Pseudonymous account id, a UUID. */
  readonly subject: string;
  /** The application that the token was issued to. */
  readonly clientId: string;
  /** Words of `scope`; each in lower case, none twice. */
  readonly scopes: ReadonlySet<string>;
  /** SHA-256 (base64url) of the token's id: what signed messages may carry of it. */
  readonly tokenHash: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** What a verifier insists on. */
export interface AccessTokenPolicy {
  /** The one `iss` that is accepted. */
  readonly issuer: string;
  /** The one `aud` that is accepted. */
  readonly audience: string;
  readonly keys: AccessTokenKeys;
  /** Wall clock, the only one that tokens know. */
  readonly clock: Pick<Clock, "nowMs">;
}

/** Checks access tokens against one policy. */
export interface AccessTokenVerifier {
  /**
   * @param token The compact JWS, without "Bearer".
   * @throws {TrustError} Whatever is wrong with it; `reason` says what, the text never repeats the token.
   * @throws {UnavailableError} If the key is not at hand and cannot be fetched now.
   */
  verify(token: string): Promise<AccessToken>;
}

/** Longest life of an access token, in seconds; a longer one is refused whoever signed it. */
export const accessTokenLifeMaxSeconds = 600;

/** Tokens remembered at most: those of ten thousand customers who are here at the same time, in some 4 MB. */
const tokensKnownMax = 10_000;

/**
 * Makes a verifier of the shop's access tokens (RFC 9068): `typ` `at+jwt`, `alg` `EdDSA` with an Ed25519 key, and nothing
 * else. It refuses mesh envelopes and mesh calls by type, by algorithm name and by key.
 *
 * Stricter than the RFCs where they leave a choice: the header has three members, the claims are exactly those of RFC 9068
 * without options, `aud` is one string, and each segment has its one canonical spelling.
 *
 * A token that was proven is not proven again while it lives and its key is the one that it was proven with: a key set
 * that was fetched anew has all tokens proven anew, and a key that is gone refuses them at once.
 *
 * @param policy What to insist on.
 *
 * @example A token that nobody signed
 * ```ts
 * import { rejects as assertRejects } from "node:assert/strict";
 * import { systemClock } from "@mesh/base";
 * import { accessTokenVerifier, fixedKeys } from "@mesh/runtime";
 *
 * const verifier = accessTokenVerifier({
 *   issuer: "https://shop.example", audience: "shop", keys: fixedKeys(new Map()), clock: systemClock,
 * });
 * await assertRejects(verifier.verify("not a token"), { code: "envelope.untrusted", reason: "malformed" });
 * ```
 *
 * @see RFC 9068 4, RFC 8725 3
 */
export function accessTokenVerifier(policy: AccessTokenPolicy): AccessTokenVerifier {
  const known = new VerifiedTokens<Proof>(tokensKnownMax);
  return {
    verify: async (token) => {
      if (typeof token !== "string" || token.length > tokenLengthMax) throw refusal("malformed", "it is too long");
      const proof = known.find(token);
      if (proof !== undefined) {
        if (await isStillGood(proof, policy)) return proof.accessToken;
        known.forget(token);
      }
      const proven = await prove(token, policy);
      known.keep(token, proven);
      return proven.accessToken;
    },
  };
}

/** A token that was proven, and what it was proven with. */
interface Proof {
  readonly accessToken: AccessToken;
  readonly kid: string;
  readonly key: CryptoKey;
  readonly issuedAtMs: number;
}

/** @throws {TrustError | UnavailableError} As a token that nobody has seen yet would, if its key is not at hand. */
async function isStillGood(
  { accessToken, kid, key, issuedAtMs }: Proof,
  { keys, clock }: AccessTokenPolicy,
): Promise<boolean> {
  const isSameKey = await keys.read(kid) === key;
  const nowMs = clock.nowMs();
  return isSameKey && nowMs < accessToken.expiresAtMs && issuedAtMs <= nowMs + clockSkewMs;
}

/**
 * Takes the token out of an `Authorization` header.
 *
 * @param header The header as received; absent where there was none.
 * @throws {TrustError} With reason `no-token` if it is absent or not one Bearer credential (RFC 6750 2.1).
 */
export function bearerToken(header: string | undefined): string {
  const match = header === undefined ? null : /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(header);
  if (match === null) throw refusal("no-token", "there is no bearer token");
  return match[1]!;
}

async function prove(token: string, { issuer, audience, keys, clock }: AccessTokenPolicy): Promise<Proof> {
  const { kid } = readHeader(token);
  const key = await keys.read(kid);
  const nowMs = clock.nowMs();
  const payload = await jwtVerify(token, key, {
    algorithms: ["EdDSA"],
    typ: "at+jwt",
    issuer,
    audience,
    currentDate: new Date(nowMs),
    requiredClaims: ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"],
  }).then(({ payload }) => payload, (error) => {
    throw refusalFrom(error);
  });
  const parsed = Claims.safeParse(payload);
  if (!parsed.success) throw refusal("bad-claims", "its claims are not those of an access token");
  const { sub, client_id, scope, jti, iat, exp, aud } = parsed.data;
  if (aud !== audience) throw refusal("wrong-audience", "it is for another audience");
  if (iat * 1000 > nowMs + clockSkewMs) throw refusal("not-yet-valid", "it was issued in the future");
  if (exp <= iat || exp - iat > accessTokenLifeMaxSeconds) throw refusal("bad-claims", "its life is too long or none");
  const scopes = new Set(scope.split(" "));
  const accessToken = { subject: sub, clientId: client_id, scopes, tokenHash: sha256(jti), expiresAtMs: exp * 1000 };
  return { accessToken: Object.freeze(accessToken), kid, key, issuedAtMs: iat * 1000 };
}

/** Clocks of two machines may differ by so much; used for `iat` alone, never to lengthen a life. */
const clockSkewMs = 5_000;

/** Our own tokens have about 500 characters. */
const tokenLengthMax = 2_048;

function readHeader(token: string): z.output<typeof Header> {
  const segments = token.split(".");
  if (segments.length !== 3 || !segments.every(isCanonical)) {
    throw refusal("malformed", "it is not three canonical base64url segments");
  }
  let text: string;
  let header: unknown;
  try {
    text = utf8(segments[0]!);
    header = JSON.parse(text);
  } catch {
    throw refusal("malformed", "its header is no JSON");
  }
  const parsed = Header.safeParse(header);
  if (!parsed.success) throw refusal("wrong-header", "its header is not that of an access token");
  // A duplicate member would survive parsing: which of two values counts must not be the parser's choice.
  if (Object.keys(parsed.data).length !== (text.match(/"[^"]*"\s*:/g) ?? []).length) {
    throw refusal("wrong-header", "its header repeats a member");
  }
  return parsed.data;
}

function utf8(segment: string): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(base64url.decode(segment));
}

/** Refuses padding, the other alphabet, spaces, and bits that decoding would ignore. */
function isCanonical(segment: string): boolean {
  if (!/^[A-Za-z0-9_-]+$/.test(segment) || segment.length % 4 === 1) return false;
  return base64url.encode(base64url.decode(segment)) === segment;
}

function refusalFrom(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return refusal("expired", "it has expired");
  if (error instanceof errors.JWSSignatureVerificationFailed) return refusal("bad-signature", "its signature is wrong");
  if (error instanceof errors.JWTClaimValidationFailed) {
    const reason = error.claim === "aud" ? "wrong-audience" : error.claim === "iss" ? "wrong-issuer" : "bad-claims";
    return refusal(reason, `its claim "${error.claim}" is not as expected`);
  }
  if (errorCode(error) !== "unclassified") return error as Error;
  // Never fail open: whatever else went wrong while verifying is a refusal, too.
  return refusal("malformed", "it cannot be read");
}

function refusal(reason: string, found: string): TrustError {
  return new TrustError(`Cannot accept access token: ${found}`, { reason });
}

const Header = z.strictObject({
  alg: z.literal("EdDSA"),
  typ: z.literal("at+jwt"),
  kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

const Seconds = z.int().min(0).max(99_999_999_999);

const Claims = z.strictObject({
  iss: z.string(),
  sub: z.uuid().regex(/^[^A-Z]*$/),
  aud: z.string(),
  client_id: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  scope: z.string().max(200).regex(/^[a-z][a-z:-]*( [a-z][a-z:-]*)*$/),
  jti: z.uuid(),
  iat: Seconds,
  exp: Seconds,
});
