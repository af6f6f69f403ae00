import type postgres from "postgres";
import { asOwner, type OwnerAccess } from "./owner_session.ts";

/** How far partitions reach. */
export interface MaintainOptions extends OwnerAccess {
  /** Days that partitions are made ahead. Default 14. */
  readonly daysAhead?: number;
  /** Days that handled messages are remembered. Default 45: a command is sent for 30 days, a dead letter redriven for 14. */
  readonly keptDays?: number;
}

/** What maintenance did. */
export interface MaintainReport {
  /** Days (`20260101`) that got a partition. */
  readonly made: readonly string[];
  /** Days whose partition was dropped. */
  readonly dropped: readonly string[];
  /** Messages that were moved out of the DEFAULT partition into that of their day. */
  readonly movedCount: number;
}

const dayMs = 86_400_000;

/**
 * Makes the inbox's daily partitions ahead of time and drops those that nobody needs any more, once a day.
 *
 * Each day is a transaction of its own that holds up turns for milliseconds; it waits at most 2 s for them and fails
 * otherwise (call again). What the DEFAULT partition has caught moves into the partition of its day.
 *
 * @throws {UnavailableError} If the database is away, or too busy to get the lock.
 */
export async function maintainInbox(options: MaintainOptions): Promise<MaintainReport> {
  const { daysAhead = 14, keptDays = 45 } = options;
  return await asOwner(options, "maintain the inbox", async (sql) => {
    await sql`select pg_advisory_lock(hashtextextended('mesh.maintain_inbox', 2))`;
    await sql`set lock_timeout = '2s'`;
    const [clock] = await sql<{ now_ms: number }[]>`select mesh.now_ms() as now_ms`;
    const today = Math.floor((clock?.now_ms ?? 0) / dayMs);
    const existing = await listDays(sql);
    const wanted = new Set(await listDefaultDays(sql, { from: today - keptDays, to: today + daysAhead }));
    // Yesterday too: ids are drawn by other machines' clocks, before midnight, and travel.
    for (let day = today - 1; day <= today + daysAhead; day += 1) wanted.add(day);
    const made = [...wanted].filter((day) => !existing.includes(day)).sort((left, right) => left - right);
    let movedCount = 0;
    for (const day of made) movedCount += await makePartition(sql, day);
    const dropped = existing.filter((day) => day < today - keptDays);
    for (const day of dropped) await sql`drop table mesh.${sql(`inbox_p${dayName(day)}`)}`;
    await forgetOld(sql, (today - keptDays) * dayMs);
    return { made: made.map(dayName), dropped: dropped.map(dayName), movedCount };
  });
}

async function listDays(sql: postgres.Sql): Promise<readonly number[]> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'mesh.inbox'::regclass and c.relname ~ '^inbox_p[0-9]{8}$' order by c.relname`;
  return rows.map(({ name }) => {
    const [, year, month, day] = /(\d{4})(\d\d)(\d\d)$/.exec(name)!;
    return Date.UTC(Number(year), Number(month) - 1, Number(day)) / dayMs;
  });
}

/** Days within the range that the DEFAULT partition holds messages of. */
async function listDefaultDays(
  sql: postgres.Sql,
  range: { readonly from: number; readonly to: number },
): Promise<readonly number[]> {
  const rows = await sql<{ id: string }[]>`
    select min(message_id::text) as id from mesh.inbox_default
    where message_id >= ${boundOf(range.from)}::uuid and message_id < ${boundOf(range.to + 1)}::uuid
    group by left(message_id::text, 13)`;
  return rows.map(({ id }) => Math.floor(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) / dayMs));
}

async function makePartition(sql: postgres.Sql, day: number): Promise<number> {
  const name = sql(`inbox_p${dayName(day)}`);
  const [from, to] = [boundOf(day), boundOf(day + 1)];
  return await sql.begin(async (transaction) => {
    // Nothing may fall into DEFAULT between the move and the attaching, or the attaching fails.
    await transaction`lock table mesh.inbox in access exclusive mode`;
    await transaction`create table mesh.${name} (like mesh.inbox including all)`;
    const moved = await transaction`
      with gone as (
        delete from mesh.inbox_default where message_id >= ${from}::uuid and message_id < ${to}::uuid returning *
      )
      insert into mesh.${name} select * from gone`;
    await transaction.unsafe(
      `alter table mesh.inbox attach partition mesh.inbox_p${dayName(day)} for values from ('${from}') to ('${to}')`,
    );
    return moved.count;
  }) as number;
}

/** What lies in no daily partition, and answers that no command can ask for again. In portions, so that locks stay short. */
async function forgetOld(sql: postgres.Sql, beforeMs: number): Promise<void> {
  for (let count = 1; count > 0;) {
    const old = await sql`
      delete from mesh.inbox_default where ctid = any (array(
        select ctid from mesh.inbox_default where handled_at_ms < ${beforeMs} limit 5000))`;
    const answers = await sql`
      delete from mesh.answer where ctid = any (array(
        select ctid from mesh.answer where recorded_at_ms < ${beforeMs} limit 5000))`;
    count = old.count + answers.count;
  }
}

/** The smallest UUIDv7 of a day: the first 48 bits are milliseconds since 1970. */
function boundOf(day: number): string {
  const time = (day * dayMs).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

function dayName(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10).replaceAll("-", "");
}
