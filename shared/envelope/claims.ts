import type { Json } from "@mesh/base";
import { type AnyCommand, type AnyEvent, type AnyMessage, destinationOf } from "@mesh/contract";
import { eventAudience } from "./claim_rules.ts";
import type { EnvelopeClaims } from "./envelope.ts";

/** Who set something in motion; a pseudonym, never personal data. */
export interface EnvelopeCause {
  /** Pseudonymous account id, or `service:<name>` for an operator's tool. */
  readonly subject: string;
  /** Where it entered, for example `"gateway"`. */
  readonly via: string;
  /** SHA-256 (base64url) of the access token's id, where there was a token. */
  readonly tokenHash?: string;
}

/** Everything that the envelope of a command says besides its message. */
export interface CommandFacts {
  readonly message: AnyCommand;
  /** UUIDv7, drawn once and stored; what the receiver deduplicates by. */
  readonly id: string;
  /** The service that sends it. */
  readonly service: string;
  /** The flow it belongs to. */
  readonly correlation: string;
  /** Id of the message that caused it; null for the first. */
  readonly causation: string | null;
  readonly cause?: EnvelopeCause;
  /** Wall clock, milliseconds since 1970; information only. */
  readonly nowMs: number;
}

/** Everything that the envelope of an event says besides its message. */
export interface EventFacts extends Omit<CommandFacts, "message"> {
  readonly message: AnyEvent;
  /** Position in the stream of the message's key, from 1. */
  readonly n: number;
  /** Hash of that stream's previous envelope; null at 1. */
  readonly prv: string | null;
  /** Ids of the commands that it answers; the runtime has put the turn's own command in the place of an absent list. */
  readonly re: readonly string[];
}

/**
 * Builds the claims of an event.
 *
 * @returns Claims, ready to be signed.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { eventClaims } from "@mesh/envelope";
 *
 * const claims = eventClaims({
 *   message: { kind: "event", type: "inventory.stock-reserved", version: 1, key: "TEA-0001", data: { units: 2 } },
 *   id: "01900000-0000-7000-8000-000000000002",
 *   service: "inventory",
 *   correlation: "01900000-0000-7000-8000-0000000000aa",
 *   causation: "01900000-0000-7000-8000-000000000001",
 *   nowMs: 1_767_225_600_999,
 *   n: 1,
 *   prv: null,
 *   re: ["01900000-0000-7000-8000-000000000001"],
 * });
 * assertEquals(claims.sub, "inventory/TEA-0001");
 * assertEquals(claims.iat, 1_767_225_600);
 * ```
 */
export function eventClaims(facts: EventFacts): EnvelopeClaims {
  const { n, prv, re, service } = facts;
  const claims = openClaims(facts, eventAudience);
  addOrigin(claims, facts);
  claims.n = n;
  claims.prv = prv;
  if (re.length > 0) claims.re = re;
  addSubject(claims, facts, service);
  claims.v = 1;
  return claims as EnvelopeClaims;
}

/**
 * Builds the claims of a command, addressed to the service that owns its type.
 *
 * @returns Claims, ready to be signed. An expiry is rounded up to whole seconds, so it never comes early.
 */
export function commandClaims(facts: CommandFacts): EnvelopeClaims {
  const { expiresAtMs, undoes, type } = facts.message;
  const receiver = type.slice(0, type.indexOf("."));
  const claims = openClaims(facts, receiver);
  if (expiresAtMs !== undefined) claims.exp = Math.ceil(expiresAtMs / 1000);
  addOrigin(claims, facts);
  addSubject(claims, facts, receiver);
  if (undoes !== undefined && undoes.length > 0) claims.undoes = undoes;
  claims.v = 1;
  return claims as EnvelopeClaims;
}

/** @returns Who caused the message, as its claims say; `undefined` for work that nobody asked for. */
export function causeOf({ act }: EnvelopeClaims): EnvelopeCause | undefined {
  if (act === undefined) return undefined;
  const { sub, via, tok } = act;
  return tok === undefined ? { subject: sub, via } : { subject: sub, via, tokenHash: tok };
}

/** Claims on the way: each is added in its canonical place, so that they are written as they stand. */
type Draft = { -readonly [Name in keyof EnvelopeClaims]?: EnvelopeClaims[Name] };
type Facts = Omit<CommandFacts, "message"> & { readonly message: AnyMessage };

function openClaims({ message, correlation, causation, cause }: Facts, audience: string): Draft {
  const { kind, type, version, key } = message;
  const { exchange, routingKey } = destinationOf({ kind, type, version, key, correlation });
  const claims: Draft = cause === undefined ? {} : { act: actOf(cause) };
  claims.aud = [audience];
  claims.cau = causation;
  claims.cor = correlation;
  claims.dat = message.data as Json;
  claims.dst = { rk: routingKey, x: exchange };
  claims.evt = type;
  return claims;
}

function addOrigin(claims: Draft, { id, service, nowMs }: Facts): void {
  claims.iat = Math.floor(nowMs / 1000);
  claims.iss = service;
  claims.jti = id;
}

function addSubject(claims: Draft, { message: { type, version, key } }: Facts, owner: string): void {
  claims.sch = `${type}#${version}`;
  claims.sub = `${owner}/${key}`;
}

function actOf({ subject, via, tokenHash }: EnvelopeCause): NonNullable<EnvelopeClaims["act"]> {
  return tokenHash === undefined ? { sub: subject, via } : { sub: subject, tok: tokenHash, via };
}
