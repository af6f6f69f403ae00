import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import type { EnvelopeClaims, Verifier } from "@mesh/envelope";
import type { Chain, Entry, Facts } from "./entry.ts";
import { claimedFacts, judge } from "./judge.ts";

/** One event as auditors see it. What an unverified envelope says is shown, and is worth nothing. */
export interface EventDocument {
  readonly id: string | null;
  readonly type: string | null;
  readonly signer: string | null;
  /** The actor that recorded it, `<service>/<key>`. */
  readonly subject: string | null;
  /** Who caused it; null for what nobody asked for. */
  readonly actor: string | null;
  readonly correlation: string | null;
  readonly causation: string | null;
  /** Ids of the commands that it answers. */
  readonly answers: readonly string[];
  /** Place in the stream of its subject, from 1. */
  readonly position: number | null;
  /** ISO 8601, by the clock of the owner's database; not signed. */
  readonly recordedAt: string;
  /** Service whose feed gave it out. */
  readonly owner: string;
  readonly data: unknown;
  /** The compact JWS, byte for byte. */
  readonly envelope: string;
  readonly verification: { readonly verified: boolean; readonly kid: string | null; readonly reason?: string };
  /** How it continues its stream; null where it was not verified. */
  readonly chain: Chain | null;
}

/**
 * Shows an entry. Everything is read from the envelope, whose signature is verified once more: rows that somebody has
 * changed in this very database do not pass for what was signed.
 */
export function eventDocument(entry: Entry, verifier: Verifier): EventDocument {
  const { facts, reason } = reviewed(entry, verifier);
  const { id, type, signer, subject, actor, correlation, causation, n, kid } = facts;
  const claims = readClaims(entry.envelope);
  const { re } = claims;
  return {
    id: id ?? null,
    type: type ?? null,
    signer: signer ?? null,
    subject: subject ?? null,
    actor: actor ?? null,
    correlation: correlation ?? null,
    causation: causation ?? null,
    answers: Array.isArray(re) ? re.filter((one) => typeof one === "string") : [],
    position: n ?? null,
    recordedAt: new Date(entry.recordedAtMs).toISOString(),
    owner: entry.owner,
    data: claims.dat ?? null,
    envelope: entry.envelope,
    verification: { verified: reason === undefined, kid: kid ?? null, ...(reason === undefined ? {} : { reason }) },
    chain: reason === undefined ? entry.chain ?? null : null,
  };
}

function reviewed(entry: Entry, verifier: Verifier): { readonly facts: Facts; readonly reason?: string } {
  const { owner, envelope, hash, recordedAtMs, reason } = entry;
  if (reason !== undefined) return { facts: claimedFacts(envelope), reason };
  // The entry itself proves that the key was in use when the event was taken in.
  const again = judge(owner, { envelope, recordedAtMs }, { ...verifier, wasSignedInTime: () => true });
  if (again.reason !== undefined) return { facts: again.facts, reason: again.reason };
  const isUnchanged = again.hash === hash && isDeepStrictEqual(again.facts, entry.facts);
  return isUnchanged ? { facts: again.facts } : { facts: again.facts, reason: "changed-in-store" };
}

function readClaims(envelope: string): Partial<EnvelopeClaims> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(envelope.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
