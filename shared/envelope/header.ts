import { Buffer } from "node:buffer";
import type { MessageKind } from "@mesh/contract";

/** Explicit typing (RFC 8725 3.11): an access token can never pass as a message, nor a message as a token. */
export type EnvelopeTyp = "mesh-event+jwt" | "mesh-command+jwt";

/** @returns `typ` of the envelopes that carry this kind of message. */
export function typOf(kind: MessageKind): EnvelopeTyp {
  return kind === "event" ? "mesh-event+jwt" : "mesh-command+jwt";
}

/** What a protected header says. */
export interface EnvelopeHeader {
  readonly kid: string;
  readonly kind: MessageKind;
}

/**
 * Writes the protected header: three members, canonical, nothing else.
 *
 * @param kid RFC 7638 thumbprint of the signing key.
 * @returns base64url, the first part of the token.
 */
export function encodedHeader(kid: string, kind: MessageKind): string {
  return encodedAscii(`{"alg":"Ed25519","kid":"${kid}","typ":"${typOf(kind)}"}`);
}

/** What the signature of a batch says. */
export interface BatchClaims {
  readonly kid: string;
  /** Root of the tree over the envelopes' hashes, base64url. */
  readonly root: string;
  /** Number of envelopes. */
  readonly size: number;
}

/**
 * Writes what the signature of a batch is over: the signing input of an ordinary JWT, which does not travel, because
 * whoever has one of its envelopes can write it again.
 *
 * @returns Header and payload, base64url.
 */
export function batchSigningInput({ kid, root, size }: BatchClaims): string {
  const header = `{"alg":"Ed25519","kid":"${kid}","typ":"mesh-batch+jwt"}`;
  return `${encodedAscii(header)}.${encodedAscii(`{"root":"${root}","size":${size}}`)}`;
}

function encodedAscii(text: string): string {
  return Buffer.from(text, "latin1").toString("base64url");
}

/**
 * Reads a protected header that is spelled exactly as {@link encodedHeader} writes it.
 *
 * One pattern instead of a parser: no other algorithm, no other member (`crit`, `jwk`, `b64`, `zip` …), no second
 * spelling can come through it.
 *
 * @param text The first part of the token, decoded, one character a byte.
 * @returns `undefined` for anything else.
 */
export function readHeader(text: string): EnvelopeHeader | undefined {
  const found = headerPattern.exec(text);
  return found === null ? undefined : { kid: found[1]!, kind: found[2] as MessageKind };
}

const headerPattern = /^\{"alg":"Ed25519","kid":"([A-Za-z0-9_-]{43})","typ":"mesh-(event|command)\+jwt"\}$/;
