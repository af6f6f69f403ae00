import { sign } from "node:crypto";
import { ContractError, invariant } from "@mesh/base";
import type { MessageKind } from "@mesh/contract";
import { canonicalJson, type CanonicalLimits } from "./canonical.ts";
import { findClaimFault } from "./claim_rules.ts";
import type { EnvelopeClaims } from "./envelope.ts";
import { batchSigningInput } from "./header.ts";
import { merkleTree } from "./merkle.ts";
import type { SigningKey } from "./signing_key.ts";
import { asciiBytes, batchMax, encodedText, envelopeBytesMax, signingInput, writePlace } from "./token.ts";

/** Depth 8 for `dat`, and one level for the claims around it. */
export const claimLimits: CanonicalLimits = Object.freeze({ depthMax: 9, membersMax: 200 });

/** A signed message: what is published and stored. */
export interface SignedEnvelope {
  /** Compact JWS, ASCII; in a batch with a place in the place of the signature. */
  readonly token: string;
  /** What it is known by, base64url: `prv` of the stream's next event. Says nothing of who signed when, only what. */
  readonly hash: string;
}

/** A message that is written and not yet signed. */
export interface EnvelopeDraft {
  /** The JWS Signing Input: header and payload. */
  readonly signed: string;
  /** As in {@link SignedEnvelope}: it does not depend on the signature. */
  readonly hash: string;
}

/**
 * Writes claims as an envelope that lacks nothing but its signature.
 *
 * @param claims From `eventClaims` or `commandClaims`.
 * @param key The key of the service that `iss` names.
 * @throws {ContractError} Reason `oversized` where the envelope would have more than 48 KiB in some batch; `not-canonical`
 * if the data holds what the wire cannot carry (a float, more than 8 levels, an object with more than 200 members);
 * `bad-claims` if a claim is malformed, for example a key with a space.
 * @throws {DefectError} If the key belongs to another service.
 * @see RFC 7515 5.1
 */
export function draftEnvelope(claims: EnvelopeClaims, key: SigningKey): EnvelopeDraft {
  invariant(claims.iss === key.service, `Cannot sign as "${claims.iss}": the key belongs to "${key.service}"`);
  const kind: MessageKind = claims.n === undefined ? "command" : "event";
  const fault = findClaimFault(claims, kind);
  if (fault !== undefined) {
    throw new ContractError(`Cannot sign "${claims.evt}": ${fault}`, { reason: "bad-claims" });
  }
  const signed = `${key.headers[kind]}.${encodedText(canonicalJson(claims, claimLimits))}`;
  const bytesCount = signed.length + 1 + proofLengthMax;
  if (bytesCount > envelopeBytesMax) {
    throw new ContractError(
      `Cannot sign "${claims.evt}": the envelope can have ${bytesCount} bytes, more than ${envelopeBytesMax}`,
      { reason: "oversized" },
    );
  }
  return { signed, hash: signingInput(signed).hash };
}

/**
 * Signs drafts: one by itself, several together with one signature over the root of their Merkle tree. Each of them can be
 * verified without the others, and shows nothing of them.
 *
 * Synchronous: a promise would cost more than the signature.
 *
 * @param drafts Written with the same key.
 * @returns Tokens, in the order of the drafts.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { draftEnvelope, eventClaims, generateSigningKey, sealEnvelopes } from "@mesh/envelope";
 *
 * const { key } = generateSigningKey("inventory");
 * const reserved = (n: number, prv: string | null) =>
 *   draftEnvelope(
 *     eventClaims({
 *       message: { kind: "event", type: "inventory.stock-reserved", version: 1, key: "TEA-0001", data: { units: n } },
 *       id: `01900000-0000-7000-8000-00000000000${n}`,
 *       service: "inventory", correlation: "o-1", causation: null, nowMs: 0, n, prv, re: [],
 *     }),
 *     key,
 *   );
 * const first = reserved(1, null);
 * const second = reserved(2, first.hash);
 * const [one, other] = sealEnvelopes([first, second], key).map((token) => token.split(".")[2]!.split("~"));
 * assertEquals(one![0], other![0]);
 * ```
 * @see RFC 7515 7.1, RFC 8037 3.1, RFC 9864 2.2, RFC 9162 2.1
 */
export function sealEnvelopes(drafts: readonly EnvelopeDraft[], key: SigningKey): readonly string[] {
  if (drafts.length <= batchMax) return sealBatch(drafts, key);
  const batches: EnvelopeDraft[][] = [];
  for (let at = 0; at < drafts.length; at += batchMax) batches.push(drafts.slice(at, at + batchMax));
  return batches.flatMap((batch) => sealBatch(batch, key));
}

/**
 * Signs claims into an envelope with a signature of its own.
 *
 * @throws As {@link draftEnvelope}.
 */
export function signEnvelope(claims: EnvelopeClaims, key: SigningKey): SignedEnvelope {
  const draft = draftEnvelope(claims, key);
  return { token: sealBatch([draft], key)[0]!, hash: draft.hash };
}

function sealBatch(drafts: readonly EnvelopeDraft[], key: SigningKey): readonly string[] {
  const size = drafts.length;
  if (size <= 1) return drafts.map(({ signed }) => `${signed}.${signatureOf(signed, key)}`);
  const { root, paths } = merkleTree(drafts.map(({ hash }) => hash));
  const signatureText = signatureOf(batchSigningInput({ kid: key.kid, root, size }), key);
  return drafts.map(({ signed }, index) =>
    `${signed}.${writePlace({ signatureText, index, size, path: paths[index]! })}`
  );
}

function signatureOf(text: string, { privateKey }: SigningKey): string {
  return sign(null, asciiBytes(text), privateKey).toString("base64url");
}

/** A signature of 64 bytes, index and size, and a path of ten hashes, as text. */
const proofLengthMax = 86 + 1 + 4 + 1 + 4 + 1 + 10 * 43;
