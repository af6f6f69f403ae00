import type { StoredTimer, TimerQuery } from "../open_work.ts";
import type { DueTimer, OutboxEntry } from "../store.ts";
import { compareText } from "../writes.ts";
import type { Connection } from "./connection.ts";
import { insertOutbox } from "./outbox.ts";
import { sqlArray } from "./sql_array.ts";

interface TimerRow {
  readonly stream: string;
  readonly due_at_ms: number;
}

interface ListedRow extends TimerRow {
  readonly fired_at_ms: number | null;
}

/** Lists timers for operators, the next one first. It reads them all: a list is asked for by people, a few times a day. */
export async function listTimers(connection: Connection, query: TimerQuery): Promise<readonly StoredTimer[]> {
  const { prefix, stream, dueBeforeMs, after, limit } = query;
  const rows = await connection.run("list timers", (sql) =>
    sql<ListedRow[]>`
      select stream, due_at_ms, fired_at_ms from mesh.timer
      where starts_with(stream, ${prefix})
        ${stream === undefined ? sql`` : sql`and stream = ${stream}`}
        ${dueBeforeMs === undefined ? sql`` : sql`and due_at_ms < ${dueBeforeMs}`}
        ${after === undefined ? sql`` : sql`and (due_at_ms, stream) > (${after.dueAtMs}, ${after.stream})`}
      order by due_at_ms, stream limit ${limit}`);
  return rows.map((row) => ({ stream: row.stream, dueAtMs: row.due_at_ms, firedAtMs: row.fired_at_ms }));
}

/** Reads timers that are due and unfired, the longest overdue first. */
export async function readDueTimers(connection: Connection, limit: number): Promise<readonly DueTimer[]> {
  const rows = await connection.run("read due timers", (sql) =>
    sql<TimerRow[]>`
      select stream, due_at_ms from mesh.timer
      where fired_at_ms is null and due_at_ms <= (select mesh.now_ms())
      order by due_at_ms, stream limit ${limit}`);
  return rows.map((row) => ({ stream: row.stream, dueAtMs: row.due_at_ms }));
}

/**
 * Marks timers as fired and queues their commands, in one transaction.
 *
 * A fired timer is not fired again: its command stays in the outbox until it has been handled, so it cannot be lost.
 */
export async function fireTimers(
  connection: Connection,
  firings: readonly { readonly timer: DueTimer; readonly entry: OutboxEntry }[],
): Promise<readonly OutboxEntry[]> {
  if (firings.length === 0) return [];
  const ordered = [...firings].sort((left, right) => compareText(left.timer.stream, right.timer.stream));
  const streams = sqlArray(ordered.map(({ timer }) => timer.stream));
  const dues = sqlArray(ordered.map(({ timer }) => timer.dueAtMs));
  return await connection.run("fire timers", (sql) =>
    sql.begin(async (transaction) => {
      const fired = await transaction<TimerRow[]>`
        update mesh.timer t set fired_at_ms = mesh.now_ms()
        from unnest(${streams}::text[], ${dues}::bigint[]) as f(stream, due)
        where t.stream = f.stream and t.due_at_ms = f.due and t.fired_at_ms is null
        returning t.stream`;
      const streamsFired = new Set(fired.map(({ stream }) => stream));
      const entries = firings.filter(({ timer }) => streamsFired.has(timer.stream)).map(({ entry }) => entry);
      if (entries.length > 0) await insertOutbox(transaction, entries);
      return entries;
    }) as Promise<readonly OutboxEntry[]>);
}
