import { errorText, TrustError } from "@mesh/base";
import type { MessageKind } from "@mesh/contract";
import { holdsInBatch, holdsItself } from "./batch_proof.ts";
import { canonicalJson } from "./canonical.ts";
import { findClaimFault } from "./claim_rules.ts";
import type { EnvelopeClaims, RefusalReason } from "./envelope.ts";
import type { KeyDirectory, KnownKey } from "./key_directory.ts";
import { claimLimits } from "./sign.ts";
import { envelopeBytesMax, openToken, payloadText, takeApart, type TokenBytes } from "./token.ts";

/** What an envelope proves by itself, whoever receives it. */
export interface ProvenEnvelope {
  /** The exact compact JWS as received. */
  readonly token: string;
  /** What it is known by: SHA-256 of a zero byte and the JWS Signing Input, base64url. */
  readonly hash: string;
  /** Thumbprint (RFC 7638) of the key that signed it. */
  readonly kid: string;
  readonly kind: MessageKind;
  /** Whose key it is; whether it may say this is for the receiver to judge. */
  readonly signer: KnownKey;
  readonly claims: EnvelopeClaims;
}

/**
 * Proves what does not depend on the receiver: form, header, key, signature, claims, in that order.
 *
 * Works on the received bytes; nothing is re-serialised and passed on.
 *
 * @param body Compact JWS as received, with a signature of its own or a place in a batch.
 * @throws {TrustError} With a {@link RefusalReason}. The message never quotes the token.
 */
export function proveEnvelope(body: Uint8Array | string, keys: KeyDirectory): ProvenEnvelope {
  if (body.length > envelopeBytesMax) refuse("oversized", `it has ${body.length} bytes, more than ${envelopeBytesMax}`);
  const opened = openToken(body);
  const { token, header } = opened;
  // Looked up before the bytes are lent: whatever the directory does, it cannot come between them.
  const signer = typeof header === "string" ? undefined : keys.find(header.kid);
  const bytes = takeApart(opened);
  if (typeof bytes === "string") refuse("malformed", bytes);
  if (typeof header === "string") {
    refuse("wrong-header", "its header is not exactly alg Ed25519, kid and a typ of the mesh");
  }
  const { kid, kind } = header;
  if (signer === undefined) refuse("unknown-key", `no service is known to own key "${kid}"`);
  checkSignature(bytes, signer, keys);
  const claims = readClaims(bytes.payload, kind);
  return { token, hash: bytes.hash, kid, kind, signer, claims };
}

function checkSignature(bytes: TokenBytes, signer: KnownKey, keys: KeyDirectory): void {
  const { place } = bytes;
  const holds = place === undefined ? holdsItself(bytes, signer) : holdsInBatch(bytes, place, { signer, keys });
  if (!holds) refuse("bad-signature", "its signature does not verify");
}

function readClaims(payload: Uint8Array, kind: MessageKind): EnvelopeClaims {
  let text: string;
  let claims: unknown;
  try {
    text = payloadText(payload);
    claims = JSON.parse(text);
  } catch {
    // The parser's message would quote the payload.
    return refuse("malformed", "its payload is not JSON in UTF-8");
  }
  if (canonicalOrNothing(claims) !== text) {
    refuse("not-canonical", "its payload is not in canonical form");
  }
  const fault = findClaimFault(claims, kind);
  if (fault !== undefined) refuse("bad-claims", fault);
  return claims as EnvelopeClaims;
}

function canonicalOrNothing(claims: unknown): string | undefined {
  try {
    return canonicalJson(claims, claimLimits);
  } catch (error) {
    return refuse("not-canonical", errorText(error));
  }
}

/** Refuses an envelope. @param what Never quotes it. */
export function refuse(reason: RefusalReason, what: string): never {
  throw new TrustError(`Cannot trust message: ${what}`, { reason });
}
