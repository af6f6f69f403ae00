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
    events: writes.events.map((row) => "draft" in row ? sealed(row, tokens) : row),
    outbox: writes.outbox.map((row) => "draft" in row ? sealed(row, tokens) : row),
  };
}

/** Signs rows of the outbox that are committed together. */
export function sealEntries(rows: readonly Unsealed<OutboxEntry>[], key: SigningKey): readonly OutboxEntry[] {
  const tokens = tokensOf(rows.map(({ draft }) => draft), key);
  return rows.map((row) => sealed(row, tokens));
}

function tokensOf(drafts: readonly EnvelopeDraft[], key: SigningKey): ReadonlyMap<EnvelopeDraft, string> {
  const tokens = sealEnvelopes(drafts, key);
  return new Map(drafts.map((draft, at) => [draft, tokens[at]!]));
}

function sealed<Row extends { readonly draft: EnvelopeDraft }>(
  row: Row,
  tokens: ReadonlyMap<EnvelopeDraft, string>,
): Omit<Row, "draft"> & { readonly envelope: string } {
  const { draft, ...rest } = row;
  return { ...rest, envelope: tokens.get(draft)! };
}
