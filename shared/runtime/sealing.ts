import { type EnvelopeDraft, sealEnvelopes, type SigningKey } from "@mesh/envelope";
import type { OutboxEntry, StoredEvent, TurnWrites } from "@mesh/store";

/** A row whose envelope is written and not yet signed. */
export type Unsealed<Row extends { readonly envelope: string }> = Omit<Row, "envelope"> & {
  readonly draft: EnvelopeDraft;
};

/** What a turn decided: rows of its own messages still lack their signatures, those of messages passed on have them. */
export interface UnsealedWrites extends Omit<TurnWrites, "events" | "outbox"> {
  readonly events: readonly Sealable<StoredEvent>[];
  readonly outbox: readonly Sealable<OutboxEntry>[];
}

type Sealable<Row extends { readonly envelope: string }> = Row | Unsealed<Row>;

/**
 * Signs everything that a turn says with one signature, which the turn's messages share: one signature costs as much as
 * all the rest of an envelope.
 *
 * @returns The same rows in the same order, ready to be committed.
 */
export function sealWrites(writes: UnsealedWrites, key: SigningKey): TurnWrites {
  const drafts = new Set<EnvelopeDraft>();
  // An event and its row in the outbox share a draft.
  for (const row of writes.events) if ("draft" in row) drafts.add(row.draft);
  for (const row of writes.outbox) if ("draft" in row) drafts.add(row.draft);
  const tokens = tokensOf([...drafts], key);
  return {
    ...writes,
    events: writes.events.map((row) => "draft" in row ? sealedEvent(row, tokens) : row),
    outbox: writes.outbox.map((row) => "draft" in row ? sealedEntry(row, tokens) : row),
  };
}

/** Signs rows of the outbox that are committed together. */
export function sealEntries(rows: readonly Unsealed<OutboxEntry>[], key: SigningKey): readonly OutboxEntry[] {
  const tokens = tokensOf(rows.map(({ draft }) => draft), key);
  return rows.map((row) => sealedEntry(row, tokens));
}

function tokensOf(drafts: readonly EnvelopeDraft[], key: SigningKey): Tokens {
  const tokens = new Map<EnvelopeDraft, string>();
  for (const [at, token] of sealEnvelopes(drafts, key).entries()) tokens.set(drafts[at]!, token);
  return tokens;
}

type Tokens = ReadonlyMap<EnvelopeDraft, string>;

/** Member by member, here and below: taking one out of a row and copying the rest is slow, and each turn does it. */
function sealedEvent(row: Unsealed<StoredEvent>, tokens: Tokens): StoredEvent {
  const { stream, version, id, type, schemaVersion, correlation, re, data, draft, hash } = row;
  return { stream, version, id, type, schemaVersion, correlation, re, data, envelope: tokens.get(draft)!, hash };
}

function sealedEntry(row: Unsealed<OutboxEntry>, tokens: Tokens): OutboxEntry {
  return {
    id: row.id,
    kind: row.kind,
    messageId: row.messageId,
    type: row.type,
    exchange: row.exchange,
    routingKey: row.routingKey,
    correlation: row.correlation,
    orderKey: row.orderKey,
    isMandatory: row.isMandatory,
    headers: row.headers,
    envelope: tokens.get(row.draft)!,
    sentCount: row.sentCount,
  };
}
