import type postgres from "postgres";
import type { UnansweredCommand } from "../open_work.ts";
import type { OutboxEntry, OutboxKind } from "../store.ts";
import type { Connection } from "./connection.ts";
import { encodeOutbox } from "./encode_writes.ts";
import { sqlArray } from "./sql_array.ts";

interface OutboxRow {
  readonly id: string;
  readonly kind: OutboxKind;
  readonly message_id: string;
  readonly type: string;
  readonly exchange: string;
  readonly routing_key: string;
  readonly correlation: string;
  readonly order_key: string;
  readonly is_mandatory: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly envelope: string;
  readonly sent_count: number;
}

/** Claims rows that are due, in commit order. */
export async function claimOutbox(
  connection: Connection,
  options: { readonly limit: number; readonly olderThanMs: number; readonly leaseMs: number },
): Promise<readonly OutboxEntry[]> {
  const { limit, olderThanMs, leaseMs } = options;
  const rows = await connection.run(
    "claim outbox rows",
    (sql) => sql<OutboxRow[]>`select * from mesh.claim_outbox(${limit}, ${olderThanMs}, ${leaseMs})`,
  );
  return rows.map(entryFrom);
}

/**
 * Notes confirms and failures.
 *
 * It needs no lease: a confirm is true whoever reports it, and a failure only counts while nobody has confirmed the
 * row. What a process that lost its claim can cause is one more publish of the same bytes.
 */
export async function settleOutbox(
  connection: Connection,
  settled: { readonly confirmed: readonly string[]; readonly failed: readonly string[] },
): Promise<void> {
  if (settled.confirmed.length === 0 && settled.failed.length === 0) return;
  const confirmed = sqlArray([...settled.confirmed].sort());
  const failed = sqlArray([...settled.failed].sort());
  await connection.run(
    "settle outbox rows",
    (sql) => sql`select mesh.settle_outbox(${confirmed}::uuid[], ${failed}::uuid[])`,
  );
}

/** Makes rows due now, claimed or not. */
export async function redriveOutbox(connection: Connection, orderKey?: string): Promise<number> {
  const result = await connection.run(
    "redrive the outbox",
    (sql) =>
      sql`update mesh.outbox set next_at_ms = least(next_at_ms, mesh.now_ms()), claimed_until_ms = null
        ${orderKey === undefined ? sql`` : sql`where order_key = ${orderKey}`}`,
  );
  return result.count;
}

interface UnansweredRow {
  readonly message_id: string;
  readonly type: string;
  readonly created_at_ms: number;
  readonly sent_count: number;
  readonly next_at_ms: number;
}

/** Lists what a stream has asked and nobody has answered, the oldest first. */
export async function listUnanswered(
  connection: Connection,
  stream: string,
  limit: number,
): Promise<readonly UnansweredCommand[]> {
  const rows = await connection.run("list unanswered commands", (sql) =>
    sql<UnansweredRow[]>`
      select message_id, type, created_at_ms, sent_count, next_at_ms from mesh.outbox
      where order_key = ${stream} and kind = 'command' order by position limit ${limit}`);
  return rows.map((row) => ({
    messageId: row.message_id,
    type: row.type,
    createdAtMs: row.created_at_ms,
    sentCount: row.sent_count,
    nextAtMs: row.next_at_ms,
  }));
}

/** Queues the stored answers to commands again, at most once in 5 s per command. */
export async function requeueAnswers(
  connection: Connection,
  commandIds: readonly string[],
  newId: () => string,
): Promise<readonly OutboxEntry[]> {
  if (commandIds.length === 0) return [];
  const ids = sqlArray([...new Set(commandIds)].sort());
  return await connection.run("queue answers again", (sql) =>
    sql.begin(async (transaction) => {
      const rows = await transaction<OutboxRow[]>`
        with found as (
          update mesh.answer a set requeued_at_ms = mesh.now_ms()
          from unnest(${ids}::uuid[]) as c(id)
          where a.command_id = c.id and (a.requeued_at_ms is null or a.requeued_at_ms <= mesh.now_ms() - 5000)
          returning a.*
        )
        select distinct on (e.position) null as id, 'event' as kind, f.event_id as message_id, f.type, f.exchange,
          f.routing_key, f.correlation, f.order_key, f.is_mandatory, f.headers, e.envelope, 0 as sent_count
        from found f join mesh.event e on e.id = f.event_id
        order by e.position`;
      const entries = rows.map((row) => entryFrom({ ...row, id: newId() }));
      if (entries.length > 0) {
        await insertOutbox(transaction, entries, new Set(entries.map(({ messageId }) => messageId)));
      }
      return entries;
    }) as Promise<readonly OutboxEntry[]>);
}

/**
 * Inserts rows in a transaction.
 *
 * @param eventIds Messages whose envelope the event table holds.
 */
export async function insertOutbox(
  transaction: postgres.TransactionSql,
  entries: readonly OutboxEntry[],
  eventIds: ReadonlySet<string> = new Set(),
): Promise<void> {
  await transaction`select ${callInsert(transaction, entries, eventIds)}`;
}

/** The call of `mesh.insert_outbox` as a fragment, for statements that insert depending on something else. */
export function callInsert(
  sql: postgres.ISql,
  entries: readonly OutboxEntry[],
  eventIds: ReadonlySet<string> = new Set(),
): postgres.PendingQuery<postgres.Row[]> {
  const args = encodeOutbox(entries, eventIds);
  return sql`mesh.insert_outbox(mesh.now_ms(), ${args.outbox_id}::uuid[], ${args.outbox_kind}::text[],
    ${args.outbox_message_id}::uuid[], ${args.outbox_type}::text[], ${args.outbox_exchange}::text[],
    ${args.outbox_routing_key}::text[], ${args.outbox_correlation}::text[], ${args.outbox_order_key}::text[],
    ${args.outbox_is_mandatory}::boolean[], ${args.outbox_headers}::text[], ${args.outbox_envelope}::text[])`;
}

function entryFrom(row: OutboxRow): OutboxEntry {
  return {
    id: row.id,
    kind: row.kind,
    messageId: row.message_id,
    type: row.type,
    exchange: row.exchange,
    routingKey: row.routing_key,
    correlation: row.correlation,
    orderKey: row.order_key,
    isMandatory: row.is_mandatory,
    headers: row.headers,
    envelope: row.envelope,
    sentCount: row.sent_count,
  };
}
