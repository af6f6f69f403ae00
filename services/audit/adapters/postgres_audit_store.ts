import type postgres from "postgres";
import type { AuditStore, Batch, EntryQuery, Question, Recollection, Rival } from "../audit_store.ts";
import type { Head } from "../entry.ts";
import { entryFromRow, type EntryRow, rowFromEntry } from "./entry_rows.ts";

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
    append: (batch) =>
      database.run("store events", (sql) => sql.begin((transaction) => append(transaction, batch)) as Promise<boolean>),
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

type RivalRow = Rival & { readonly id: string };

async function recall(database: Database, owner: string, { streams, envelopes }: Question): Promise<Recollection> {
  const wanted = JSON.stringify({
    streams,
    ids: [...new Set(envelopes.map(({ id }) => id).filter((id) => id !== ""))],
    nameless: envelopes.filter(({ id }) => id === "").map(({ hash }) => hash),
  });
  // Lateral and sorted as the index is: each name costs one look into an index, however many entries there are, and also
  // with a plan that was made while the table was empty. Anything else reads the whole log for every page of a feed.
  const [heads, rivals] = await Promise.all([
    database.run("recall streams", (sql) =>
      sql<(Head & { subject: string })[]>`
        select stream as subject, last.n, last.hash
        from jsonb_array_elements_text(${wanted}::text::jsonb -> 'streams') as stream
        cross join lateral (
          select n, hash from audit.entry where subject = stream and reason is null
          order by n desc, position limit 1
        ) as last`),
    database.run("recall ids", (sql) =>
      sql<RivalRow[]>`
        select known.id, known.owner, known.hash, known.reason is null as "isVerified"
        from jsonb_array_elements_text(${wanted}::text::jsonb -> 'ids') as wanted
        cross join lateral (
          select id, owner, hash, reason from audit.entry where id = wanted order by id, hash, owner
        ) as known
        union all
        select known.id, known.owner, known.hash, known.reason is null
        from jsonb_array_elements_text(${wanted}::text::jsonb -> 'nameless') as wanted
        cross join lateral (
          select id, owner, hash, reason from audit.entry
          where id = '' and hash = wanted and owner = ${owner} order by id, hash, owner limit 1
        ) as known`),
  ]);
  const byId = Map.groupBy(rivals, ({ id }) => id);
  return {
    heads: new Map(heads.map(({ subject, n, hash }) => [subject, { n, hash }])),
    rivals: new Map(
      [...byId].map(([id, rows]) => [id, rows.map(({ owner, hash, isVerified }) => ({ owner, hash, isVerified }))]),
    ),
  };
}

async function append(sql: postgres.TransactionSql, batch: Batch): Promise<boolean> {
  const { owner, stored, next, completeUntilMs, entries } = batch;
  if (stored === "") {
    await sql`
      insert into audit.feed (owner, cursor, complete_until_ms) values (${owner}, '', 0)
      on conflict (owner) do nothing`;
  }
  // Also the lock that lets one process at a time add to what this feed has given out.
  const moved = await sql`
    update audit.feed set cursor = ${next}, complete_until_ms = ${completeUntilMs},
      entry_count = entry_count + ${entries.length}
    where owner = ${owner} and cursor = ${stored}
    returning owner`;
  if (moved.length === 0) return false;
  if (entries.length === 0) return true;
  await sql`
    insert into audit.entry (recorded_at_ms, issued_at_s, n, owner, id, hash, signer, type, schema, subject, prv,
      correlation, causation, actor, kid, reason, chain, envelope)
    select recorded_at_ms, issued_at_s, n, owner, id, hash, signer, type, schema, subject, prv,
      correlation, causation, actor, kid, reason, chain, envelope
    from json_to_recordset(${JSON.stringify(entries.map(rowFromEntry))}::text::json) as new (recorded_at_ms bigint,
      issued_at_s bigint, n bigint, owner text, id text, hash text, signer text, type text, schema text, subject text,
      prv text, correlation text, causation text, actor text, kid text, reason text, chain text, envelope text)`;
  return true;
}

function find(sql: postgres.Sql, query: EntryQuery): PromiseLike<EntryRow[]> {
  const { id, correlation, subject, type, signer, actor, kid, fromMs, toMs, after, limit } = query;
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
    select position, recorded_at_ms, issued_at_s, n, owner, id, hash, signer, type, schema, subject, prv, correlation,
      causation, actor, kid, reason, chain, envelope
    from audit.entry where ${conditions.reduce((all, one) => sql`${all} ${one}`, sql`true`)}
    order by recorded_at_ms, position limit ${limit}`;
}
