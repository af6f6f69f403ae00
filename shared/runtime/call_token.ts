import { sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { compactVerify } from "jose";
import { type Clock, TrustError } from "@mesh/base";
import type { KeyDirectory, KnownKey, PolicyIndex, SigningKey } from "@mesh/envelope";
import { z } from "zod";
import { VerifiedTokens } from "./verified_tokens.ts";

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

/** Callers send one token for half of its life, so a few per service and replica are all that is good at one time. */
const tokensKnownMax = 500;

/**
 * Makes a verifier of call tokens that checks the signature of a token once, and all else each time: callers send the same
 * one for half a minute. A key that was read anew from the directory has its tokens checked anew.
 *
 * @returns Verifies as {@link verifyCallToken} does.
 */
export function callTokenVerifier(policy: CallTokenPolicy): (token: string) => Promise<string> {
  const known = new VerifiedTokens<Proof>(tokensKnownMax);
  return async (token) => {
    if (token.length > tokenLengthMax) throw refusal("malformed");
    const proof = known.find(token);
    if (proof !== undefined) {
      if (policy.keys.find(proof.signer.kid) === proof.signer) return judge(proof, policy);
      known.forget(token);
    }
    const proven = await prove(token, policy);
    const caller = judge(proven, policy);
    known.keep(token, proven);
    return caller;
  };
}

/**
 * Verifies a call token.
 *
 * @returns Name of the calling service.
 * @throws {TrustError} If it is anything else than a fresh token of a service that the contracts let call this one.
 */
export async function verifyCallToken(token: string, policy: CallTokenPolicy): Promise<string> {
  return judge(await prove(token, policy), policy);
}

/** What a signature proves of a token, whatever the time. */
interface Proof {
  readonly signer: KnownKey;
  readonly claims: z.output<typeof claimsSchema>;
}

/** Our own have about 300 characters. */
const tokenLengthMax = 2_048;

async function prove(token: string, { keys }: CallTokenPolicy): Promise<Proof> {
  const kid = kidOf(token);
  if (kid === undefined) throw refusal("malformed");
  if (keys.find(kid) === undefined) await keys.refresh();
  const signer = keys.find(kid);
  if (signer === undefined) throw refusal("unknown-key");
  if (signer.status !== "active") throw refusal("key-retired");
  const { payload, protectedHeader } = await compactVerify(token, signer.publicKey, { algorithms: ["Ed25519"] })
    .catch(() => {
      throw refusal("bad-signature");
    });
  if (protectedHeader.typ !== "mesh-call+jwt") throw refusal("wrong-header");
  const claims = claimsSchema.safeParse(JSON.parse(new TextDecoder().decode(payload)));
  if (!claims.success) throw refusal("bad-claims");
  return { signer, claims: claims.data };
}

/** Everything that the time and the contracts decide. */
function judge({ signer, claims: { iss, aud, exp, iat } }: Proof, { service, policy, clock }: CallTokenPolicy): string {
  const now = clock.nowMs() / 1000;
  if (iss !== signer.service) throw refusal("signer-not-owner");
  if (aud !== service) throw refusal("wrong-audience");
  if (exp - iat > callTokenLifeSeconds || exp + clockSkewSeconds < now) throw refusal("expired");
  if (iat - clockSkewSeconds > now) throw refusal("not-yet-valid");
  if (!policy.mayCall(iss, service)) throw refusal("not-allowed");
  return iss;
}

function refusal(reason: string): TrustError {
  return new TrustError(`Cannot accept call: its token is no good (${reason})`, { reason });
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
