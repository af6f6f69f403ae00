import { DefectError } from "@mesh/base";
import type postgres from "postgres";
import { flagText } from "../flag_text.ts";
import type { StoreStatus, StreamCounts } from "../store_status.ts";
import type { Connection } from "./connection.ts";

interface StatusRow {
  readonly outbox_count: number;
  readonly outbox_oldest_ms: number;
  readonly unanswered_oldest_ms: number;
  readonly needs_attention_count: number;
  readonly dead_letter_count: number;
  readonly effect_count: number;
  readonly effect_oldest_ms: number;
  readonly timer_count: number;
  readonly days_ahead: number;
  readonly closed_lane_count: number;
  readonly parked_count: number;
}

/** Reads the figures for metrics and readiness. */
export async function readStatus(connection: Connection): Promise<StoreStatus> {
  const [row] = await connection.run("read the store's status", (sql) =>
    sql<StatusRow[]>`
      with clock as (select mesh.now_ms() as now_ms),
      today as (select (to_timestamp(now_ms / 1000.0) at time zone 'utc')::date as day from clock),
      partition as (
        select to_date(right(c.relname, 8), 'YYYYMMDD') as day
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'mesh.inbox'::regclass and c.relname ~ '^inbox_p[0-9]{8}$'
      )
      select o.*, d.*, e.*, t.*, (
        select count(*) from partition p, today
        where p.day > today.day
          and (select count(*) from partition q where q.day > today.day and q.day <= p.day) = p.day - today.day
      ) as days_ahead,
        (select count(*) from mesh.lane) as closed_lane_count,
        (select count(*) from mesh.parked) as parked_count
      from clock,
        lateral (
          select count(*) as outbox_count,
            coalesce(now_ms - min(created_at_ms) filter (where kind <> 'command' or sent_count = 0), 0) as outbox_oldest_ms,
            coalesce(now_ms - min(created_at_ms), 0) as unanswered_oldest_ms,
            count(*) filter (where kind = 'command' and created_at_ms < now_ms - 2592000000) as needs_attention_count
          from mesh.outbox
        ) as o,
        lateral (select count(*) as dead_letter_count from mesh.dead_letter where status = 'dead') as d,
        lateral (
          select count(*) as effect_count, coalesce(now_ms - min(created_at_ms), 0) as effect_oldest_ms from mesh.effect
        ) as e,
        lateral (select count(*) as timer_count from mesh.timer) as t`);
  if (row === undefined) throw new DefectError("Cannot read the store's status: no row");
  return {
    outboxCount: row.outbox_count,
    outboxOldestMs: row.outbox_oldest_ms,
    unansweredOldestMs: row.unanswered_oldest_ms,
    deadLetterCount: row.dead_letter_count,
    openEffectCount: row.effect_count,
    effectOldestMs: row.effect_oldest_ms,
    timerCount: row.timer_count,
    inboxDaysAhead: row.days_ahead,
    needsAttentionCount: row.needs_attention_count,
    closedLaneCount: row.closed_lane_count,
    parkedCount: row.parked_count,
  };
}

/** The database's clock, in milliseconds since 1970. */
export async function readNowMs(connection: Connection): Promise<number> {
  const [row] = await connection.run(
    "read the clock",
    (sql) => sql<{ now_ms: number }[]>`select mesh.now_ms() as now_ms`,
  );
  if (row === undefined) throw new DefectError("Cannot read the clock: no row");
  return row.now_ms;
}

/** Names of streams with open work: a timer, an effect, an unanswered command. */
function openStreams(sql: postgres.Sql) {
  return sql`(
    select stream from mesh.timer union select stream from mesh.effect
    union select order_key from mesh.outbox where kind = 'command'
  )`;
}

/**
 * Counts those streams, and those of them whose newest event has the flag set.
 *
 * The flag is looked for in the text: an operator on json reads all of the document, and fails at a `\u0000` anywhere.
 */
export async function countStreams(
  connection: Connection,
  { prefix, flag }: { readonly prefix: string; readonly flag: string },
): Promise<StreamCounts> {
  const [row] = await connection.run(
    "count streams",
    (sql) =>
      sql<{ open_count: number; flagged_count: number }[]>`
      select count(*) as open_count,
        count(*) filter (where position(${flagText(flag)} in head.data::text) > 0) as flagged_count
      from ${openStreams(sql)} as open
      cross join lateral (
        select e.data from mesh.event e where e.stream = open.stream order by e.version desc limit 1
      ) as head
      where starts_with(open.stream, ${prefix})`,
  );
  if (row === undefined) throw new DefectError("Cannot count streams: no row");
  return { openCount: row.open_count, flaggedCount: row.flagged_count };
}

/** Lists streams with a timer, an open effect or an unanswered command, the most recently moved first. */
export async function listStreams(
  connection: Connection,
  select: { readonly prefix: string; readonly limit: number; readonly after?: string },
): Promise<readonly { readonly stream: string; readonly version: number; readonly recordedAtMs: number }[]> {
  const rows = await connection.run(
    "list streams",
    (sql) =>
      sql<{ stream: string; version: number; recorded_at_ms: number }[]>`
      select open.stream, head.version, head.recorded_at_ms
      from ${openStreams(sql)} as open
      cross join lateral (
        select e.version, e.recorded_at_ms, e.position from mesh.event e
        where e.stream = open.stream order by e.version desc limit 1
      ) as head
      where starts_with(open.stream, ${select.prefix}) ${
        select.after === undefined ? sql`` : sql`and head.position < (
          select e.position from mesh.event e where e.stream = ${select.after} order by e.version desc limit 1)`
      }
      order by head.position desc limit ${select.limit}`,
  );
  return rows.map((row) => ({ stream: row.stream, version: row.version, recordedAtMs: row.recorded_at_ms }));
}
