import { type Clock, UnavailableError } from "@mesh/base";
import { contentHash, localVerifier, PublishedKeys } from "@mesh/cli";
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

/** Keys of the mesh, as `/.well-known/mesh-jwks.json` gives them out. */
export type MeshKeys = Parameters<typeof localVerifier>[0];

/**
 * Checks the signatures of events with nothing but the published keys and a JOSE library.
 *
 * @returns The same events, in the same order.
 */
export async function proveEvents(events: readonly AuditedEvent[], keys: MeshKeys): Promise<readonly ProvenEvent[]> {
  const verify = localVerifier(keys);
  return await Promise.all(events.map(async ({ envelope, recordedAt }) => {
    const { isVerified, kid, reason = "not verified", claims } = await verify(envelope);
    return {
      recordedAtMs: Date.parse(recordedAt),
      claims: claims === undefined ? unreadable : claims as unknown as EventClaims,
      kid,
      hash: contentHash(envelope),
      ...(isVerified ? {} : { fault: reason }),
    };
  }));
}

/** Stands for what an envelope says that cannot be read. */
const unreadable: EventClaims = Object.freeze({
  jti: "",
  iss: "",
  sub: "",
  evt: "unreadable",
  n: 0,
  prv: null,
  dat: {},
});

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
  const keys = PublishedKeys.parse(await client.ask({ method: "GET", path: "/.well-known/mesh-jwks.json" }));
  const deadlineMs = clock.monotonicMs() + trailLimitMs;
  for (;;) {
    const { events, completeUntilMs } = await readEvents(orderId, auditor);
    const lastMs = Math.max(...events.map(({ recordedAt }) => Date.parse(recordedAt)));
    if (events.length > 0 && completeUntilMs >= lastMs + afterwardsMs) {
      const proven = await proveEvents(events, keys);
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
