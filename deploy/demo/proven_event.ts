import { type Clock, sha256, UnavailableError } from "@mesh/base";
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import type { ShopClient, Visitor } from "./shop_client.ts";

/** One event as the audit log gives it out; as much of it as is not read from the envelope itself. */
export interface AuditedEvent {
  /** ISO 8601, by the clock of the owner's database; not signed. */
  readonly recordedAt: string;
  /** The compact JWS. */
  readonly envelope: string;
}

/** What an envelope says; as much of it as a timeline shows. */
export interface EventClaims {
  readonly jti: string;
  /** Service that signed it. */
  readonly iss: string;
  /** Actor that recorded it, `<service>/<key>`. */
  readonly sub: string;
  readonly evt: string;
  /** Place in the actor's stream, from 1. */
  readonly n: number;
  /** Hash of the stream's previous envelope; null at 1. */
  readonly prv: string | null;
  readonly dat: Readonly<Record<string, unknown>>;
}

/** An event with what came of checking its signature here. */
export interface ProvenEvent {
  readonly recordedAtMs: number;
  readonly claims: EventClaims;
  /** Thumbprint of the key that the envelope names. */
  readonly kid: string;
  /** Hash of the envelope, which the next one of the stream names. */
  readonly hash: string;
  /** Absent where the signature verified with a key of the signer; else what is wrong. */
  readonly fault?: string;
}

/**
 * Checks the signatures of events with nothing but the published keys and a JOSE library.
 *
 * @param jwks Keys of the mesh, as `/.well-known/mesh-jwks.json` gives them out.
 * @returns The same events, in the same order.
 */
export async function proveEvents(
  events: readonly AuditedEvent[],
  jwks: JSONWebKeySet,
): Promise<readonly ProvenEvent[]> {
  const keys = createLocalJWKSet(jwks);
  const owners = new Map(jwks.keys.map((key) => [key.kid, (key as { readonly mesh_service?: string }).mesh_service]));
  return await Promise.all(events.map(async ({ envelope, recordedAt }) => {
    const { header, claims } = readUnproven(envelope);
    const kid = header.kid ?? "";
    const fault = await faultOf(envelope, keys, { claims, owner: owners.get(kid) });
    return {
      recordedAtMs: Date.parse(recordedAt),
      claims,
      kid,
      hash: sha256(envelope),
      ...(fault === undefined ? {} : { fault }),
    };
  }));
}

async function faultOf(
  envelope: string,
  keys: ReturnType<typeof createLocalJWKSet>,
  { claims, owner }: { readonly claims: EventClaims; readonly owner: string | undefined },
): Promise<string | undefined> {
  try {
    const { protectedHeader } = await compactVerify(envelope, keys, { algorithms: ["Ed25519"] });
    if (protectedHeader.typ !== "mesh-event+jwt") return `is a ${protectedHeader.typ}, no event`;
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
  return claims.iss === owner ? undefined : `signed with a key of ${owner}`;
}

function readUnproven(envelope: string): { readonly header: { readonly kid?: string }; readonly claims: EventClaims } {
  const [header = "", payload = ""] = envelope.split(".");
  return { header: decoded(header) as { kid?: string }, claims: decoded(payload) as EventClaims };
}

function decoded(part: string): unknown {
  return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" })));
}

/**
 * Finds streams whose events do not follow upon each other: of two neighbours in number, the later must name the hash of
 * the earlier.
 *
 * @returns Streams that are broken; what lies between two events that were not asked for is not judged.
 */
export function brokenStreams(events: readonly ProvenEvent[]): readonly string[] {
  const byPlace = new Map(events.map((event) => [`${event.claims.sub} ${event.claims.n}`, event]));
  const broken = events.filter(({ claims: { sub, n, prv } }) => {
    const before = byPlace.get(`${sub} ${n - 1}`);
    return n === 1 ? prv !== null : before !== undefined && before.hash !== prv;
  });
  return [...new Set(broken.map(({ claims }) => claims.sub))];
}

/** Where an order's events are read. */
export interface TrailReading {
  readonly client: ShopClient;
  readonly auditor: Visitor;
  readonly clock: Clock;
}

/** 20 s: the audit log follows by half a second; a busy machine takes a little longer. */
const trailLimitMs = 20_000;
/** What belongs to an order may still come for a moment after its end: a notice, the last word of its saga. */
const afterwardsMs = 1_000;

/**
 * Reads everything that was signed about an order, once the audit log says that it has all of it.
 *
 * @throws {UnavailableError} If it has not within 20 s.
 */
export async function readTrail(
  orderId: string,
  { client, auditor, clock }: TrailReading,
): Promise<readonly ProvenEvent[]> {
  const jwks = await client.ask<JSONWebKeySet>({ method: "GET", path: "/.well-known/mesh-jwks.json" });
  const deadlineMs = clock.monotonicMs() + trailLimitMs;
  for (;;) {
    const { events, completeUntilMs } = await readEvents(orderId, auditor);
    const lastMs = Math.max(...events.map(({ recordedAt }) => Date.parse(recordedAt)));
    if (events.length > 0 && completeUntilMs >= lastMs + afterwardsMs) {
      const proven = await proveEvents(events, jwks);
      if (proven.some(isEndOfSaga)) return proven;
    }
    if (clock.monotonicMs() > deadlineMs) {
      throw new UnavailableError(`Cannot read the events of ${orderId}: the log has ${events.length} and no end`);
    }
    await clock.delay(250);
  }
}

/** A saga ends as completed or rejected; an order that was refused has none. */
function isEndOfSaga({ claims: { evt, dat } }: ProvenEvent): boolean {
  if (evt === "orders.order-refused") return true;
  return evt === "orchestrator.saga-advanced" && (dat.phase === "completed" || dat.phase === "rejected");
}

interface Page {
  readonly items: readonly AuditedEvent[];
  readonly next: string | null;
  readonly completeUntil: string | null;
}

async function readEvents(
  orderId: string,
  auditor: Visitor,
): Promise<{ readonly events: readonly AuditedEvent[]; readonly completeUntilMs: number }> {
  const events: AuditedEvent[] = [];
  let completeUntilMs = Number.POSITIVE_INFINITY;
  let cursor: string | null = null;
  do {
    const after: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: Page = await auditor.ask<Page>({
      method: "GET",
      path: `/audit/v1/events?order=${orderId}&limit=200${after}`,
    });
    events.push(...page.items);
    completeUntilMs = Math.min(completeUntilMs, page.completeUntil === null ? 0 : Date.parse(page.completeUntil));
    cursor = page.next;
  } while (cursor !== null);
  return { events, completeUntilMs };
}
