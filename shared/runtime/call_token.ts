import { sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { compactVerify } from "jose";
import { type Clock, TrustError } from "@mesh/base";
import type { KeyDirectory, PolicyIndex, SigningKey } from "@mesh/envelope";
import { z } from "zod";

/** How long a call token is good for, in seconds. */
export const callTokenLifeSeconds = 60;

/** Clocks of two machines may differ by so much, in seconds. */
const clockSkewSeconds = 30;

/**
 * Makes the token that a call to another service carries: `typ` `mesh-call+jwt`, `alg` `Ed25519`, `aud` the callee.
 *
 * @param key The caller's signing key.
 * @param clock Wall clock.
 */
export function callTokenIssuer(key: SigningKey, clock: Pick<Clock, "nowMs">): (audience: string) => string {
  const header = encode({ alg: "Ed25519", kid: key.kid, typ: "mesh-call+jwt" });
  const issued = new Map<string, { readonly token: string; readonly untilMs: number }>();
  return (audience) => {
    const known = issued.get(audience);
    // Half of its life is left when a token is replaced, so none expires on its way.
    if (known !== undefined && clock.nowMs() < known.untilMs) return known.token;
    const iat = Math.floor(clock.nowMs() / 1000);
    const body = `${header}.${encode({ aud: audience, exp: iat + callTokenLifeSeconds, iat, iss: key.service })}`;
    const token = `${body}.${sign(null, Buffer.from(body), key.privateKey).toString("base64url")}`;
    issued.set(audience, { token, untilMs: clock.nowMs() + (callTokenLifeSeconds * 1000) / 2 });
    return token;
  };
}

/** What a callee checks call tokens against. */
export interface CallTokenPolicy {
  /** The callee's own name. */
  readonly service: string;
  readonly keys: KeyDirectory;
  readonly policy: PolicyIndex;
  /** Wall clock. */
  readonly clock: Pick<Clock, "nowMs">;
}

/**
 * Verifies a call token.
 *
 * @returns Name of the calling service.
 * @throws {TrustError} If it is anything else than a fresh token of a service that the contracts let call this one.
 */
export async function verifyCallToken(
  token: string,
  { service, keys, policy, clock }: CallTokenPolicy,
): Promise<string> {
  const refuse = (reason: string): never => {
    throw new TrustError(`Cannot accept call: its token is no good (${reason})`, { reason });
  };
  const kid = kidOf(token) ?? refuse("malformed");
  if (keys.find(kid) === undefined) await keys.refresh();
  const signer = keys.find(kid) ?? refuse("unknown-key");
  if (signer.status !== "active") refuse("key-retired");
  const { payload, protectedHeader } = await compactVerify(token, signer.publicKey, { algorithms: ["Ed25519"] })
    .catch(() => refuse("bad-signature"));
  if (protectedHeader.typ !== "mesh-call+jwt") refuse("wrong-header");
  const claims = claimsSchema.safeParse(JSON.parse(new TextDecoder().decode(payload)));
  if (!claims.success) return refuse("bad-claims");
  const { iss, aud, exp, iat } = claims.data;
  const now = clock.nowMs() / 1000;
  if (iss !== signer.service) refuse("signer-not-owner");
  if (aud !== service) refuse("wrong-audience");
  if (exp - iat > callTokenLifeSeconds || exp + clockSkewSeconds < now) refuse("expired");
  if (iat - clockSkewSeconds > now) refuse("not-yet-valid");
  if (!policy.mayCall(iss, service)) refuse("not-allowed");
  return iss;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function kidOf(token: string): string | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
    return headerSchema.parse(header).kid;
  } catch {
    return undefined;
  }
}

const headerSchema = z.strictObject({ alg: z.literal("Ed25519"), kid: z.string(), typ: z.literal("mesh-call+jwt") });
const claimsSchema = z.strictObject({ iss: z.string(), aud: z.string(), iat: z.int(), exp: z.int() });
