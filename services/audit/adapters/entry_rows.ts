import type { Chain, Entry, Facts, NewEntry } from "../entry.ts";

/** A row of `audit.entry` as the driver reads it. */
export interface EntryRow {
  readonly position: number;
  readonly recorded_at_ms: number;
  readonly issued_at_s: number | null;
  readonly n: number | null;
  readonly owner: string;
  readonly id: string;
  readonly hash: string;
  readonly signer: string | null;
  readonly type: string | null;
  readonly schema: string | null;
  readonly subject: string | null;
  readonly prv: string | null;
  readonly correlation: string | null;
  readonly causation: string | null;
  readonly actor: string | null;
  readonly kid: string | null;
  readonly reason: string | null;
  readonly chain: Chain | null;
  readonly envelope: string;
}

/** Turns an entry into what `jsonb_to_recordset` takes; members that are absent become null. */
export function rowFromEntry(entry: NewEntry): Partial<EntryRow> {
  const { issuedAtS, id = "", ...facts } = entry.facts;
  return {
    recorded_at_ms: entry.recordedAtMs,
    owner: entry.owner,
    hash: entry.hash,
    envelope: entry.envelope,
    id,
    ...facts,
    ...(issuedAtS === undefined ? {} : { issued_at_s: issuedAtS }),
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    ...(entry.chain === undefined ? {} : { chain: entry.chain }),
  };
}

/** Turns a row back into an entry. */
export function entryFromRow(row: EntryRow): Entry {
  return {
    position: row.position,
    owner: row.owner,
    envelope: row.envelope,
    hash: row.hash,
    recordedAtMs: row.recorded_at_ms,
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.chain === null ? {} : { chain: row.chain }),
    facts: factsFromRow(row),
  };
}

function factsFromRow(row: EntryRow): Facts {
  const { id, signer, type, schema, subject, n, prv, correlation, causation, actor, kid, issued_at_s } = row;
  const facts: Record<keyof Facts, string | number | null> = {
    id: id === "" ? null : id,
    signer,
    type,
    schema,
    subject,
    n,
    prv,
    correlation,
    causation,
    actor,
    kid,
    issuedAtS: issued_at_s,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null)) as Facts;
}
