import type { Json } from "@mesh/base";
import type { MessageKind } from "@mesh/contract";

/** Claims of an envelope, as signed. Member names are those of the wire. */
export interface EnvelopeClaims {
  /** Format version. */
  readonly v: 1;
  /** Service that signed it. */
  readonly iss: string;
  /** Actor key with its service: `inventory/TEA-0001`. For a command the one addressed, for an event the one that recorded it. */
  readonly sub: string;
  /** The receiving service for a command, `mesh` for an event. */
  readonly aud: readonly [string];
  /** UUIDv7; what receivers deduplicate by. */
  readonly jti: string;
  /** Whole seconds since 1970; information only. */
  readonly iat: number;
  /** Commands of undoable steps only: whole seconds since 1970 on the sender's database clock. */
  readonly exp?: number;
  /** Message type, `<service>.<name>`. */
  readonly evt: string;
  /** Type and major version of the schema, `<service>.<name>#<major>`. */
  readonly sch: string;
  /** Events only: position in the stream, from 1. */
  readonly n?: number;
  /** Events only: hash of the stream's previous envelope (see {@link Envelope.hash}); null at 1. */
  readonly prv?: string | null;
  /** As published. */
  readonly dst: { readonly rk: string; readonly x: string };
  /** Correlation. */
  readonly cor: string;
  /** Id of the message that caused this one; null for the first. */
  readonly cau: string | null;
  /** Events only: commands that it answers; absent when it answers none. */
  readonly re?: readonly string[];
  /** Commands only: all attempts of the command that it undoes. */
  readonly undoes?: readonly string[];
  /** Who caused it. */
  readonly act?: { readonly sub: string; readonly via: string; readonly tok?: string };
  readonly dat: Json;
}

/**
 * A verified envelope: the only way to get one is `verifyEnvelope`, so a handler cannot receive an unproven message.
 */
export interface Envelope {
  readonly kind: MessageKind;
  readonly claims: EnvelopeClaims;
  /** The exact compact JWS as received. */
  readonly token: string;
  /** SHA-256 of a zero byte and the JWS Signing Input, base64url: what was said, however it was signed. */
  readonly hash: string;
  /** Thumbprint (RFC 7638) of the key that signed it. */
  readonly kid: string;
  /** `<service>.<name>`. */
  readonly type: string;
  readonly version: number;
  /** `sub` without its service. */
  readonly key: string;
  /** `dat` as the contract reads it, unknown fields dropped; `dat` itself where no contracts were given (the auditor). */
  readonly data: unknown;
  readonly [verified]: true;
}

/** Marks envelopes that were verified. */
export const verified: unique symbol = Symbol("verified");

/** Why an envelope was refused; stable words, used in dead letters, metrics and tests. */
export type RefusalReason =
  | "oversized"
  | "malformed"
  | "not-canonical"
  | "wrong-header"
  | "unknown-key"
  | "bad-signature"
  | "bad-claims"
  | "signer-not-owner"
  | "key-retired"
  | "not-allowed"
  | "wrong-audience"
  | "wrong-destination"
  | "property-mismatch"
  | "unknown-type"
  | "schema";
