import { type IdSource, type Json, sha256 } from "@mesh/base";
import type { PostgresStore } from "../postgres/postgres_store.ts";
import {
  type DeadLetterEntry,
  type EffectEntry,
  type InboxEntry,
  noWrites,
  type OutboxEntry,
  type ProjectionRow,
  type Store,
  type StoredEvent,
  type TurnWrites,
} from "../store.ts";

/** A store under test, on an empty database. */
export interface StoreSubject {
  readonly store: NotifyingStore;
  /** Another store on the same database; the provider disposes of it. */
  openReplica(): NotifyingStore;
  /** Lets time pass on the database's clock. Stored deadlines may be shifted instead: read them again. */
  advance(durationMs: number): Promise<void>;
  readonly ids: IdSource;
}

/** Both adapters can be listened to. */
export type NotifyingStore = Store & Pick<PostgresStore, "listen">;

/** One promise of the port. */
export interface StoreCase {
  /** Completes the sentence "A store …". */
  readonly name: string;
  readonly run: (subject: StoreSubject) => Promise<void>;
}

/** Writes with some fields set. */
export function writing(some: Partial<TurnWrites>): TurnWrites {
  return { ...noWrites, ...some };
}

/** A message as handled by `inventory`. */
export function handled(messageId: string, some: Partial<InboxEntry> = {}): InboxEntry {
  return { messageId, consumer: "inventory", digest: "digest", ...some };
}

/** An event of a stream. */
export function makeEvent(
  ids: IdSource,
  place: { readonly stream: string; readonly version: number },
  some: Partial<StoredEvent> = {},
): StoredEvent {
  const id = ids.next();
  const envelope = `envelope of ${id}`;
  return {
    ...place,
    id,
    type: "inventory.stock-reserved",
    schemaVersion: 1,
    correlation: "order-1",
    re: [],
    data: { version: place.version },
    envelope,
    hash: sha256(envelope),
    ...some,
  };
}

/** The outbox row that publishes an event. */
export function publishing(ids: IdSource, event: StoredEvent, some: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    ...queued(ids),
    kind: "event",
    messageId: event.id,
    type: event.type,
    exchange: "mesh.events",
    orderKey: event.stream,
    isMandatory: false,
    envelope: event.envelope,
    ...some,
  };
}

/** A command in the outbox. */
export function queued(ids: IdSource, some: Partial<OutboxEntry> = {}): OutboxEntry {
  const messageId = some.messageId ?? ids.next();
  return {
    id: ids.next(),
    kind: "command",
    messageId,
    type: "payments.capture",
    exchange: "mesh.commands",
    routingKey: "payments.capture.v1.k07",
    correlation: "order-1",
    orderKey: "inventory/TEA-0001",
    isMandatory: true,
    headers: { traceparent: '00-"\\-01' },
    envelope: `envelope of ${messageId}`,
    sentCount: 0,
    ...some,
  };
}

/** An effect of a stream. */
export function makeEffect(stream: string, index: number, some: Partial<EffectEntry> = {}): EffectEntry {
  return {
    id: `${stream}@1.${index}`,
    stream,
    effect: "payments.capture",
    dependency: "provider",
    request: { amountMinor: 4200 },
    correlation: "order-1",
    causedBy: { messageId: "message", cause: { sub: "somebody" } },
    headers: { traceparent: "00-01" },
    ...some,
  };
}

/** A dead letter. */
export function makeDeadLetter(ids: IdSource, some: Partial<DeadLetterEntry> = {}): DeadLetterEntry {
  return {
    id: ids.next(),
    messageId: ids.next(),
    type: "orders.place-order",
    class: "exhausted",
    reason: "attempts",
    detail: "six attempts failed",
    attempts: 6,
    queue: "orders.in.p0",
    userId: "gateway",
    correlation: "order-1",
    body: "Ym9keQ==",
    bodyBytes: 4,
    digest: "digest",
    headers: { "mesh-attempt": "6" },
    ...some,
  };
}

/** A row of the projection `orders`. */
export function makeRow(key: string, some: Partial<ProjectionRow> = {}): ProjectionRow {
  return {
    projection: "orders",
    generation: 1,
    key,
    owner: "anna",
    sort: key,
    seen: { "orders/1": 1 },
    row: { key },
    revision: 0,
    ...some,
  };
}

/** JSON that has broken stores before: NUL, quotes, backslashes, a lone surrogate, text beyond the BMP. */
export const awkwardJson: Json = {
  nul: "a\u0000b",
  quotes: `"'{},\\`,
  surrogate: "\ud800",
  astral: "장터 🫖",
  nested: [null, true, -1.5e-7, { "": [] }],
};

/** Claims whatever can be claimed. */
export async function claimIds(store: Store, leaseMs = 1_000): Promise<readonly string[]> {
  const rows = await store.claimOutbox({ limit: 100, olderThanMs: 0, leaseMs });
  return rows.map(({ id }) => id);
}
