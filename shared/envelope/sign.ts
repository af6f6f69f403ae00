import { sign } from "node:crypto";
import { ContractError, invariant, sha256 } from "@mesh/base";
import type { MessageKind } from "@mesh/contract";
import { canonicalJson, type CanonicalLimits } from "./canonical.ts";
import { findClaimFault } from "./claim_rules.ts";
import type { EnvelopeClaims } from "./envelope.ts";
import type { SigningKey } from "./signing_key.ts";
import { asciiBytes, encodedText, envelopeBytesMax } from "./token.ts";

/** Depth 8 for `dat`, and one level for the claims around it. */
export const claimLimits: CanonicalLimits = Object.freeze({ depthMax: 9, membersMax: 200 });

/** A signed message: what is published and stored. */
export interface SignedEnvelope {
  /** Compact JWS, ASCII. */
  readonly token: string;
  /** SHA-256 of the token, base64url: `prv` of the stream's next event. */
  readonly hash: string;
}

/**
 * Signs claims into an envelope. Synchronous, because a batch signs many and a promise each would cost more than the
 * signature.
 *
 * @param claims From `eventClaims` or `commandClaims`.
 * @param key The key of the service that `iss` names.
 * @throws {ContractError} Reason `oversized` above 48 KiB; `not-canonical` if the data holds what the wire cannot carry (a
 * float, more than 8 levels, an object with more than 200 members); `bad-claims` if a claim is malformed, for example a
 * key with a space.
 * @throws {DefectError} If the key belongs to another service.
 * @see RFC 7515 7.1, RFC 8037 3.1, RFC 9864 2.2
 */
export function signEnvelope(claims: EnvelopeClaims, key: SigningKey): SignedEnvelope {
  invariant(claims.iss === key.service, `Cannot sign as "${claims.iss}": the key belongs to "${key.service}"`);
  const kind: MessageKind = claims.n === undefined ? "command" : "event";
  const fault = findClaimFault(claims, kind);
  if (fault !== undefined) {
    throw new ContractError(`Cannot sign "${claims.evt}": ${fault}`, { reason: "bad-claims" });
  }
  const signed = `${key.headers[kind]}.${encodedText(canonicalJson(claims, claimLimits))}`;
  const bytesCount = signed.length + 1 + signatureLength;
  if (bytesCount > envelopeBytesMax) {
    throw new ContractError(
      `Cannot sign "${claims.evt}": the envelope has ${bytesCount} bytes, more than ${envelopeBytesMax}`,
      { reason: "oversized" },
    );
  }
  const token = `${signed}.${sign(null, asciiBytes(signed), key.privateKey).toString("base64url")}`;
  return { token, hash: sha256(asciiBytes(token)) };
}

/** 64 bytes in base64url. */
const signatureLength = 86;
