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

/**
 * Entries column by column, as `audit.append` takes them: texts parted by the separator, with nothing for those that are
 * absent; numbers as array literals.
 */
export function columnsOf(entries: readonly NewEntry[]) {
  const separator = separatorFor(entries);
  const texts = (valueOf: (entry: NewEntry) => string | undefined) => entries.map(valueOf).join(separator);
  return {
    separator,
    recordedAtMs: numberArray(entries.map(({ recordedAtMs }) => recordedAtMs)),
    issuedAtS: numberArray(entries.map(({ facts }) => facts.issuedAtS)),
    n: numberArray(entries.map(({ facts }) => facts.n)),
    id: texts(({ facts }) => facts.id),
    hash: texts(({ hash }) => hash),
    signer: texts(({ facts }) => facts.signer),
    type: texts(({ facts }) => facts.type),
    schema: texts(({ facts }) => facts.schema),
    subject: texts(({ facts }) => facts.subject),
    prv: texts(({ facts }) => facts.prv),
    correlation: texts(({ facts }) => facts.correlation),
    causation: texts(({ facts }) => facts.causation),
    actor: texts(({ facts }) => facts.actor),
    kid: texts(({ facts }) => facts.kid),
    reason: texts(({ reason }) => reason),
    chain: texts(({ chain }) => chain),
    envelope: texts(({ envelope }) => envelope),
  };
}

/** A line break, unless an envelope that is none has one. Facts have the form of their claim, in which there is no space. */
function separatorFor(entries: readonly NewEntry[]): string {
  let separator = "\n";
  for (let tried = 1; entries.some(({ envelope }) => envelope.includes(separator)); tried += 1) {
    separator = `\n${tried}\n`;
  }
  return separator;
}

const sightedFacts = ["type", "signer", "kid", "actor"] as const;

/** In which spans of time entries are found by facts that many share, as array literals; each combination once. */
export function sightingsIn(entries: readonly NewEntry[]) {
  const seen = new Map<string, { readonly fact: string; readonly value: string; readonly span: number }>();
  for (const { facts, recordedAtMs } of entries) {
    const span = Math.floor(recordedAtMs / spanMs);
    for (const fact of sightedFacts) {
      const value = facts[fact];
      if (value !== undefined) seen.set(`${fact} ${span} ${value}`, { fact, value, span });
    }
  }
  const all = [...seen.values()];
  return {
    facts: textArray(all.map(({ fact }) => fact)),
    values: textArray(all.map(({ value }) => value)),
    spans: numberArray(all.map(({ span }) => span)),
  };
}

/** As in `audit.sighting`: 12 bits of the time, in milliseconds. */
const spanMs = 4_096;

/** Writes an array literal. */
export function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

function numberArray(values: readonly (number | undefined)[]): string {
  return `{${values.map((value) => value ?? "NULL").join(",")}}`;
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
