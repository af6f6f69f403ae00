import { decodeCursor, encodeCursor } from "../feed_cursor.ts";
import { flagText } from "../flag_text.ts";
import type { FeedCursor, FeedPage, ProjectionRow, StreamState } from "../store.ts";
import type { StoreStatus, StreamCounts } from "../store_status.ts";
import { compareText } from "../writes.ts";
import { headOf } from "./commit_turn.ts";
import { type EventRow, keyOf, type Tables } from "./tables.ts";

/** Loads actors. */
export function loadStreams(tables: Tables, streams: readonly string[], stateVersion: string): readonly StreamState[] {
  return streams.map((stream) => {
    const rows = tables.streams.get(stream) ?? [];
    const snapshot = tables.snapshots.get(keyOf(stream, stateVersion));
    const events = rows.slice(snapshot?.version ?? 0)
      .map(({ version, type, schemaVersion, data }) => ({ version, type, schemaVersion, data }));
    const state = { stream, version: rows.length, hash: rows.at(-1)?.hash ?? null, events };
    return snapshot === undefined ? state : { ...state, snapshot };
  });
}

/** Finds messages that need no handling: in the inbox, parked, or dead or discarded (but not `untrusted`). */
export function findHandled(tables: Tables, consumer: string, messageIds: readonly string[]): ReadonlySet<string> {
  const away = new Set(
    [...tables.deadLetters.values()]
      .filter((letter) => letter.class !== "untrusted" && letter.status !== "redriven")
      .map(({ messageId }) => messageId),
  );
  for (const { messageId } of tables.parked.values()) away.add(messageId);
  return new Set(messageIds.filter((id) => tables.inbox.has(keyOf(id, consumer)) || away.has(id)));
}

/** Reads a page of the feed: commits are whole and in order here, so nothing is ever held back. */
export function readFeed(
  tables: Tables,
  query: {
    readonly after: FeedCursor;
    readonly types?: readonly string[];
    readonly untilMs?: number;
    readonly limit: number;
  },
  nowMs: number,
): FeedPage {
  const { epoch } = tables;
  const after = decodeCursor(query.after, epoch);
  const untilMs = query.untilMs ?? Infinity;
  const items: { cursor: FeedCursor; envelope: string; recordedAtMs: number }[] = [];
  let next = query.after;
  let hasMore = false;
  // Positions count up without gaps here, so a position is also the index of what follows it.
  for (let at = Number(after.position); at < tables.events.length; at += 1) {
    const event = tables.events[at]!;
    if (event.recordedAtMs >= untilMs) break;
    hasMore = items.length === query.limit;
    if (hasMore) break;
    next = encodeCursor({ epoch, rowEpoch: event.epoch, xid: `${event.xid}`, position: `${event.position}` });
    if (query.types !== undefined && !query.types.includes(event.type)) continue;
    items.push({ cursor: next, envelope: event.envelope, recordedAtMs: event.recordedAtMs });
  }
  return { items, next, hasMore, completeUntilMs: Math.min(nowMs, untilMs) };
}

/** Lists rows in descending order of `sort`, then of key. */
export function listRows(
  tables: Tables,
  select: {
    readonly projection: string;
    readonly generation: number;
    readonly owner?: string;
    readonly before?: string;
    readonly limit: number;
  },
): readonly ProjectionRow[] {
  return [...tables.rows.values()]
    .filter((row) => row.projection === select.projection && row.generation === select.generation)
    .filter((row) => select.owner === undefined || row.owner === select.owner)
    .filter((row) => select.before === undefined || compareText(row.sort, select.before) < 0)
    .sort((left, right) => compareText(right.sort, left.sort) || compareText(right.key, left.key))
    .slice(0, select.limit);
}

/** Removes the rows of a projection whose generation is chosen. */
export function removeRows(tables: Tables, projection: string, isChosen: (generation: number) => boolean): void {
  for (const [key, row] of tables.rows) {
    if (row.projection === projection && isChosen(row.generation)) tables.rows.delete(key);
  }
}

/** Lists streams with a timer, an open effect or an unanswered command, the most recently moved first. */
export function listStreams(
  tables: Tables,
  select: { readonly prefix: string; readonly limit: number; readonly after?: string },
): readonly { readonly stream: string; readonly version: number; readonly recordedAtMs: number }[] {
  const last = select.after === undefined ? undefined : tables.streams.get(select.after)?.at(-1);
  const below = select.after === undefined ? Infinity : last?.position ?? 0;
  return openHeads(tables, select.prefix)
    .filter((head) => head.position < below)
    .sort((left, right) => right.position - left.position)
    .slice(0, select.limit)
    .map(({ stream, version, recordedAtMs }) => ({ stream, version, recordedAtMs }));
}

/** Counts those streams, and those of them whose newest event has the flag set. */
export function countStreams(
  tables: Tables,
  { prefix, flag }: { readonly prefix: string; readonly flag: string },
): StreamCounts {
  const heads = openHeads(tables, prefix);
  const flagged = heads.filter(({ data }) => JSON.stringify(data).includes(flagText(flag)));
  return { openCount: heads.length, flaggedCount: flagged.length };
}

/** The newest events of streams with a timer, an open effect or an unanswered command. */
function openHeads(tables: Tables, prefix: string): readonly EventRow[] {
  const open = new Set([
    ...tables.timers.keys(),
    ...[...tables.effects.values()].map(({ entry }) => entry.stream),
    ...[...tables.outbox.values()].filter(({ entry }) => entry.kind === "command").map(({ entry }) => entry.orderKey),
  ]);
  return [...open]
    .filter((stream) => stream.startsWith(prefix) && headOf(tables, stream) > 0)
    .map((stream) => tables.streams.get(stream)!.at(-1)!);
}

/** Reads the figures for metrics and readiness. */
export function readStatus(tables: Tables, nowMs: number): StoreStatus {
  const outbox = [...tables.outbox.values()];
  const effects = [...tables.effects.values()];
  const unconfirmed = outbox.filter(({ entry }) => entry.kind !== "command" || entry.sentCount === 0);
  const age = (rows: readonly { readonly createdAtMs: number }[]) =>
    rows.length === 0 ? 0 : nowMs - Math.min(...rows.map(({ createdAtMs }) => createdAtMs));
  return {
    outboxCount: outbox.length,
    outboxOldestMs: age(unconfirmed),
    unansweredOldestMs: age(outbox),
    deadLetterCount: [...tables.deadLetters.values()].filter(({ status }) => status === "dead").length,
    openEffectCount: effects.length,
    effectOldestMs: age(effects),
    timerCount: tables.timers.size,
    inboxDaysAhead: Infinity,
    needsAttentionCount:
      outbox.filter(({ entry, createdAtMs }) => entry.kind === "command" && createdAtMs < nowMs - 30 * 86_400_000)
        .length,
    closedLaneCount: tables.lanes.size,
    parkedCount: tables.parked.size,
  };
}
