import { DefectError } from "@mesh/base";
import { decodeCursor, encodeCursor, type FeedPosition } from "../feed_cursor.ts";
import type { FeedCursor, FeedPage } from "../store.ts";
import type { Connection } from "./connection.ts";
import { sqlArray } from "./sql_array.ts";

/** What is asked of a feed. */
export interface FeedQuery {
  readonly after: FeedCursor;
  readonly types?: readonly string[];
  readonly untilMs?: number;
  readonly limit: number;
}

interface FeedState {
  readonly epoch: number;
  readonly now_ms: number;
  readonly open_since_ms: number | null;
}

/** An item, or (without envelope) the end of the page. */
type FeedRow = {
  readonly cursor: FeedCursor;
  readonly recorded_at_ms: number;
  readonly envelope: string;
} | {
  readonly envelope: null;
  /** Behind everything that was looked at; null where one item too many says where the page ends. */
  readonly cursor: FeedCursor | null;
  readonly has_more: boolean | null;
  readonly held_since_ms: number | null;
};

/** How many events a page looks at when only some types are wanted, so that a rare type costs no endless statement. */
const scanMax = 2_000;

/**
 * Reads a page of the service's own events.
 *
 * Gives out only what lies below every open transaction's id, in the order (epoch, xid, position): nothing can appear
 * behind a reader. What is not given out yet was recorded (a) by a transaction that was open with an id when
 * `readState` looked: after that one began; (b) by one that drew its id later: after the look, because the clock is
 * read after the id is drawn (`commit_turn`); or (c) by one that has ended but is held up by another: its rows
 * are seen here. The minimum of the three is the time up to which the feed is complete. `readState` must
 * therefore have ended before the page's snapshot is taken: two statements, in this order.
 */
export async function readFeed(connection: Connection, query: FeedQuery): Promise<FeedPage> {
  const state = await readState(connection);
  const after = decodeCursor(query.after, state.epoch);
  const rows = await readRows(connection, { state, after, query });
  const end = rows.at(-1);
  if (end?.envelope !== null) throw new DefectError("Cannot read the feed: the page has no end");
  const items: FeedPage["items"][number][] = [];
  for (const row of rows) {
    if (row.envelope === null) continue;
    items.push({ cursor: row.cursor, envelope: row.envelope, recordedAtMs: row.recorded_at_ms });
  }
  const isOneTooMany = items.length > query.limit;
  if (isOneTooMany) items.pop();
  const next = end.cursor ?? items.at(-1)?.cursor ?? query.after;
  const bounds = [state.now_ms, state.open_since_ms, end.held_since_ms, query.untilMs];
  return {
    items,
    // Where nothing came the beginning stays the beginning.
    next: next === encodeCursor(after) ? query.after : next,
    hasMore: end.has_more ?? isOneTooMany,
    completeUntilMs: Math.min(...bounds.map((bound) => bound ?? Infinity)),
  };
}

function readRows(
  connection: Connection,
  { state: { epoch }, after: { rowEpoch, xid, position }, query: { types, untilMs, limit } }: {
    readonly state: FeedState;
    readonly after: FeedPosition;
    readonly query: FeedQuery;
  },
): Promise<readonly FeedRow[]> {
  const scanCount = Math.max(scanMax, limit + 1);
  if (untilMs === undefined) {
    return connection.run("read a page of the feed", (sql) =>
      sql<FeedRow[]>`
        select * from mesh.read_feed_page(${epoch}::int, ${rowEpoch}::int, ${xid}::xid8, ${position}::bigint,
          ${types === undefined ? null : sqlArray(types)}::text[], ${limit}::int, ${scanCount}::int)`);
  }
  return connection.run("read the feed", (sql) =>
    sql<FeedRow[]>`
      select concat(${epoch}::int, '.', f.row_epoch, '.', f.xid, '.', f.position) as cursor, f.recorded_at_ms, f.envelope,
        f.has_more, f.held_since_ms
      from mesh.read_feed(${epoch}::int, ${rowEpoch}::int, ${xid}::xid8, ${position}::bigint,
        ${types === undefined ? null : sqlArray(types)}::text[], ${untilMs}::bigint, ${limit}::int,
        ${scanCount}::int) as f`);
}

/** Who is writing now. Other roles' transactions show no start time here, but only this role writes events. */
async function readState(connection: Connection): Promise<FeedState> {
  const [state] = await connection.run("read the state of the feed", (sql) =>
    sql<FeedState[]>`
      select f.epoch, floor(extract(epoch from statement_timestamp()) * 1000)::bigint as now_ms, (
        select floor(extract(epoch from min(a.xact_start)) * 1000)::bigint from pg_stat_activity a
        where a.datname = current_database() and a.backend_xid is not null
      ) as open_since_ms
      from mesh.feed_epoch f`);
  if (state === undefined) throw new DefectError("Cannot read the feed: its epoch is missing");
  return state;
}

/** Reads envelopes of one stream from a version on. */
export async function readStream(
  connection: Connection,
  stream: string,
  range: { readonly from: number; readonly limit: number },
): Promise<readonly { readonly version: number; readonly envelope: string }[]> {
  const rows = await connection.run("read a stream", (sql) =>
    sql<{ version: number; envelope: string }[]>`
      select version, envelope from mesh.event where stream = ${stream} and version >= ${range.from}
      order by version limit ${range.limit}`);
  return rows.map(({ version, envelope }) => ({ version, envelope }));
}

/** Where this service stands in another's feed; empty at the beginning. */
export async function loadFeedCursor(connection: Connection, owner: string): Promise<FeedCursor> {
  const [row] = await connection.run(
    "load a feed cursor",
    (sql) => sql<{ cursor: string }[]>`select cursor from mesh.feed_cursor where owner = ${owner}`,
  );
  return row?.cursor ?? "";
}

/** Notes where this service stands in another's feed. */
export async function saveFeedCursor(connection: Connection, owner: string, cursor: FeedCursor): Promise<void> {
  await connection.run("save a feed cursor", (sql) =>
    sql`
      insert into mesh.feed_cursor (owner, cursor) values (${owner}, ${cursor})
      on conflict (owner) do update set cursor = excluded.cursor`);
}
