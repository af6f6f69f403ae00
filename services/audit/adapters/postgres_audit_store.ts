import type postgres from "postgres";
import type { AuditStore, Batch, EntryQuery, Question, Recollection, Rival } from "../audit_store.ts";
import type { Head } from "../entry.ts";
import { columnsOf, entryFromRow, type EntryRow, sightingsIn, textArray } from "./entry_rows.ts";

/** The part of the service's store that is needed here: bounded, with the driver's errors translated. */
export interface Database {
  run<T>(what: string, work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T>;
}

/**
 * Keeps the audit's entries in the schema `audit`.
 *
 * @param database Its role may read `audit.entry` and add to it, and read and write `audit.feed`.
 */
export function postgresAuditStore(database: Database): AuditStore {
  return {
    loadFeeds: async () => {
      const rows = await database.run(
        "load the feeds",
        (sql) =>
          sql<{ owner: string; cursor: string; complete_until_ms: number }[]>`
          select owner, cursor, complete_until_ms from audit.feed order by owner`,
      );
      return rows.map(({ owner, cursor, complete_until_ms }) => ({
        owner,
        cursor,
        completeUntilMs: complete_until_ms,
      }));
    },
    recall: (owner, asked) => recall(database, owner, asked),
    append: (batch) => database.run("store events", (sql) => append(sql, batch)),
    find: async (query) => {
      const rows = await database.run("find events", (sql) => find(sql, query));
      return rows.map(entryFromRow);
    },
    readFigures: async () => {
      const [figures] = await database.run(
        "read figures",
        (sql) =>
          sql<{ entry_count: number; gap_count: number; fork_count: number; failures: Record<string, number> }[]>`
          select
            (select coalesce(sum(entry_count), 0)::bigint from audit.feed) as entry_count,
            count(*) filter (where chain = 'gap') as gap_count,
            count(*) filter (where chain = 'fork') as fork_count,
            coalesce((
              select jsonb_object_agg(reason, count) from (
                select reason, count(*) from audit.entry where reason is not null group by reason
              ) as counted
            ), '{}') as failures
          from audit.entry where reason is not null or chain <> 'ok'`,
      );
      const { entry_count = 0, gap_count = 0, fork_count = 0, failures = {} } = figures ?? {};
      return { entryCount: entry_count, gapCount: gap_count, forkCount: fork_count, failures };
    },
  };
}

interface RecalledRow {
  /** A stream where `n` is given, else an id. */
  readonly name: string;
  readonly n: number | null;
  readonly hash: string;
  readonly owner: string | null;
  readonly is_verified: boolean;
}

async function recall(database: Database, owner: string, { streams, envelopes }: Question): Promise<Recollection> {
  const ids = new Set<string>();
  const nameless: string[] = [];
  for (const { id, hash } of envelopes) {
    if (id === "") nameless.push(hash);
    else ids.add(id);
  }
  const rows = await database.run("recall events", (sql) =>
    sql<RecalledRow[]>`
      select * from audit.recall(${owner}, ${textArray(streams)}::text[], ${textArray([...ids])}::text[],
        ${textArray(nameless)}::text[])`);
  const heads = new Map<string, Head>();
  const rivals = new Map<string, Rival[]>();
  for (const { name, n, hash, owner, is_verified: isVerified } of rows) {
    if (n !== null) {
      heads.set(name, { n, hash });
      continue;
    }
    const known = rivals.get(name) ?? [];
    known.push({ owner: owner ?? "", hash, isVerified });
    rivals.set(name, known);
  }
  return { heads, rivals };
}

async function append(sql: postgres.Sql, batch: Batch): Promise<boolean> {
  const { owner, stored, next, completeUntilMs, entries } = batch;
  const columns = columnsOf(entries);
  const sighted = sightingsIn(entries);
  const [row] = await sql<{ is_done: boolean }[]>`
    select audit.append(${owner}, ${stored}, ${next}, ${completeUntilMs}::bigint, ${columns.separator},
      ${columns.recordedAtMs}::bigint[], ${columns.issuedAtS}::bigint[], ${columns.n}::bigint[], ${columns.id},
      ${columns.hash}, ${columns.signer}, ${columns.type}, ${columns.schema}, ${columns.subject}, ${columns.prv},
      ${columns.correlation}, ${columns.causation}, ${columns.actor}, ${columns.kid}, ${columns.reason},
      ${columns.chain}, ${columns.envelope},
      ${sighted.facts}::text[], ${sighted.values}::text[], ${sighted.spans}::bigint[]) as is_done`;
  return row?.is_done === true;
}

function find(sql: postgres.Sql, query: EntryQuery): PromiseLike<EntryRow[]> {
  const { id, correlation, subject, type, signer, actor, kid, fromMs, toMs, after, limit } = query;
  const isNamed = id !== undefined || correlation !== undefined || subject !== undefined;
  const isSighted = type !== undefined || signer !== undefined || actor !== undefined || kid !== undefined;
  if (isSighted && !isNamed) {
    return sql<EntryRow[]>`
      select * from audit.find_sighted(${type ?? null}, ${signer ?? null}, ${actor ?? null}, ${kid ?? null},
        ${fromMs ?? null}::bigint, ${toMs ?? null}::bigint, ${after?.recordedAtMs ?? null}::bigint,
        ${after?.position ?? null}::bigint, ${limit}::int)`;
  }
  const columns = { id, correlation, subject, type, signer, actor, kid };
  const conditions = [
    ...Object.entries(columns).flatMap(([column, value]) =>
      value === undefined ? [] : [sql`and ${sql(column)} = ${value}`]
    ),
    ...(fromMs === undefined ? [] : [sql`and recorded_at_ms >= ${fromMs}`]),
    ...(toMs === undefined ? [] : [sql`and recorded_at_ms < ${toMs}`]),
    ...(after === undefined
      ? []
      : [sql`and (recorded_at_ms, position) > (${after.recordedAtMs}, ${after.position}::bigint)`]),
  ];
  return sql<EntryRow[]>`
    select * from audit.entry where ${conditions.reduce((all, one) => sql`${all} ${one}`, sql`true`)}
    order by recorded_at_ms, position limit ${limit}`;
}
