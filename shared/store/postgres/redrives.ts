import type postgres from "postgres";
import type { Json } from "@mesh/base";
import {
  type LetterFate,
  type RedriveEntry,
  type RedriveItemEntry,
  type RedriveItemState,
  redriveItemStates,
  type RedriveStep,
  type StoredRedrive,
  type StoredRedriveItem,
} from "../redrive.ts";
import type { CommitResult, DeadLetterClass, TurnWrites } from "../store.ts";
import { cleanText, isUuid } from "../writes.ts";
import { commitTurn } from "./commit_turn.ts";
import type { Connection } from "./connection.ts";
import { findInInbox } from "./inbox.ts";
import { sqlArray, type SqlValue } from "./sql_array.ts";

interface FateRow {
  readonly id: string;
  readonly message_id: string;
  readonly later_id: string | null;
  readonly later_class: DeadLetterClass | null;
  readonly later_reason: string | null;
}

/** Looks for the messages of letters in the inbox, and for letters that died after them. */
export async function findFates(
  connection: Connection,
  consumer: string,
  letterIds: readonly string[],
): Promise<readonly LetterFate[]> {
  const ids = letterIds.filter(isUuid);
  if (ids.length === 0) return [];
  const rows = await connection.run("find what became of dead letters", (sql) =>
    sql<FateRow[]>`
      select d.id, d.message_id, later.id as later_id, later.class as later_class, later.reason as later_reason
      from mesh.dead_letter d
      left join lateral (
        select l.id, l.class, l.reason from mesh.dead_letter l
        where l.message_id = d.message_id and l.digest = d.digest and (l.died_at_ms, l.id) > (d.died_at_ms, d.id)
        order by l.died_at_ms desc, l.id desc limit 1
      ) as later on true
      where d.id = any (${sqlArray(ids)}::uuid[])`);
  const handled = await findInInbox(connection, consumer, rows.map(({ message_id }) => message_id));
  return rows.map((row) => ({
    letterId: row.id,
    isHandled: handled.has(row.message_id),
    later: row.later_id === null ? null : { id: row.later_id, class: row.later_class!, reason: row.later_reason! },
  }));
}

/** Commits a redrive with its letters. */
export async function startRedrive(
  connection: Connection,
  { entry, items, writes }: {
    readonly entry: RedriveEntry;
    readonly items: readonly RedriveItemEntry[];
    readonly writes: TurnWrites;
  },
): Promise<CommitResult> {
  const text = (of: (item: RedriveItemEntry) => string) => sqlArray(items.map((item) => cleanText(of(item))));
  return await commitTurn(connection, writes, {
    participant: async (sql) => {
      await sql`
        insert into mesh.redrive_job (id, created_at_ms, next_at_ms, reason, plan, progress)
        select ${entry.id}::uuid, now_ms, now_ms, ${cleanText(entry.reason)}, ${jsonOf(entry.terms)}::text::json,
          ${jsonOf(entry.progress)}::text::json
        from mesh.now_ms() as now_ms`;
      await sql`
        insert into mesh.redrive_item (job_id, ordinal, letter_id, message_id, type, class, reason, correlation, state, why, detail)
        select ${entry.id}::uuid, i.ordinal, i.letter_id, i.message_id, i.type, i.class, i.reason, i.correlation, i.state,
          i.why, i.detail
        from unnest(
          ${sqlArray(items.map(({ letterId }) => letterId))}::uuid[], ${text(({ messageId }) => messageId)}::text[],
          ${text(({ type }) => type)}::text[], ${text((item) => item.class)}::text[],
          ${text(({ reason }) => reason)}::text[], ${text(({ correlation }) => correlation)}::text[],
          ${text(({ state }) => state)}::text[], ${text(({ why }) => why)}::text[],
          ${text(({ detail }) => detail)}::text[]
        ) with ordinality as i(letter_id, message_id, type, class, reason, correlation, state, why, detail, ordinal)`;
    },
  });
}

/** Claims the redrive that has waited longest. */
export async function claimRedrive(connection: Connection, leaseMs: number): Promise<StoredRedrive | undefined> {
  const rows = await connection.run("claim a redrive", (sql) =>
    sql<{ id: string }[]>`
      update mesh.redrive_job set leased_until_ms = mesh.now_ms() + ${leaseMs}::bigint, revision = revision + 1
      where id = (
        select id from mesh.redrive_job
        where next_at_ms <= mesh.now_ms() and (leased_until_ms is null or leased_until_ms <= mesh.now_ms())
        order by next_at_ms, id limit 1 for update skip locked
      )
      returning id`);
  return rows[0] === undefined ? undefined : await findRedrive(connection, rows[0].id);
}

/** Ends the transaction of a step that came too late. */
class Overtaken extends Error {}

/** Commits one step of a redrive: refused when somebody else has written it meanwhile. */
export async function advanceRedrive(
  connection: Connection,
  step: RedriveStep,
  writes: TurnWrites,
): Promise<CommitResult> {
  const settlements = step.letterIds.map((id) => ({ id, status: "redriven" as const }));
  try {
    return await commitTurn(connection, writes, { settlements, participant: (sql) => writeStep(sql, step) });
  } catch (error) {
    if (error instanceof Overtaken) return { outcome: "conflict", duplicates: [], stale: [step.id] };
    throw error;
  }
}

async function writeStep(sql: postgres.TransactionSql, step: RedriveStep): Promise<void> {
  const isOver = step.status === "done" || step.status === "cancelled";
  const written = await sql`
    update mesh.redrive_job
    set status = ${step.status}, status_reason = ${cleanText(step.statusReason)},
      progress = ${jsonOf(step.progress)}::text::json, revision = revision + 1, leased_until_ms = null,
      next_at_ms = mesh.now_ms() + ${step.nextInMs}::bigint,
      ended_at_ms = ${isOver ? sql`coalesce(ended_at_ms, mesh.now_ms())` : null}
    where id = ${step.id}::uuid and revision = ${step.revision}`;
  if (written.count !== 1) throw new Overtaken();
  if (step.items.length === 0) return;
  const column = (of: (item: RedriveStep["items"][number]) => SqlValue) => sqlArray(step.items.map(of));
  await sql`
    update mesh.redrive_item i
    set state = c.state, why = c.why, detail = c.detail, batch = coalesce(c.batch, i.batch),
      later_id = coalesce(c.later_id, i.later_id),
      taken_at_ms = case when c.state = 'taken' then mesh.now_ms() else i.taken_at_ms end,
      ended_at_ms = case when c.state = 'taken' then null else mesh.now_ms() end
    from unnest(
      ${column(({ ordinal }) => ordinal)}::integer[], ${column(({ state }) => state)}::text[],
      ${column(({ why }) => why)}::text[], ${column(({ detail }) => cleanText(detail))}::text[],
      ${column(({ batch }) => batch ?? null)}::integer[], ${column(({ laterId }) => laterId ?? null)}::uuid[]
    ) as c(ordinal, state, why, detail, batch, later_id)
    where i.job_id = ${step.id}::uuid and i.ordinal = c.ordinal`;
}

interface JobRow {
  readonly id: string;
  readonly created_at_ms: number;
  readonly ended_at_ms: number | null;
  readonly revision: number;
  readonly status: StoredRedrive["status"];
  readonly status_reason: string;
  readonly reason: string;
  readonly plan: Json;
  readonly progress: Json;
  readonly counts: Readonly<Partial<Record<RedriveItemState, number>>> | null;
}

/** Finds one redrive; ids come from operators, so anything may be asked for. */
export async function findRedrive(connection: Connection, id: string): Promise<StoredRedrive | undefined> {
  if (!isUuid(id)) return undefined;
  const [row] = await connection.run(
    "find a redrive",
    (sql) => sql<JobRow[]>`select j.*, ${countsOf(sql)} from mesh.redrive_job j where j.id = ${id}::uuid`,
  );
  return row === undefined ? undefined : redriveFrom(row);
}

/** Lists redrives, the newest first. */
export async function listRedrives(
  connection: Connection,
  { limit, after }: { readonly limit: number; readonly after?: string },
): Promise<readonly StoredRedrive[]> {
  if (after !== undefined && !isUuid(after)) return [];
  const rows = await connection.run("list redrives", (sql) =>
    sql<JobRow[]>`
      select j.*, ${countsOf(sql)} from mesh.redrive_job j
      ${after === undefined ? sql`` : sql`where j.id < ${after}::uuid`}
      order by j.id desc limit ${limit}`);
  return rows.map(redriveFrom);
}

interface ItemRow {
  readonly letter_id: string;
  readonly later_id: string | null;
  readonly taken_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly ordinal: number;
  readonly batch: number | null;
  readonly state: RedriveItemState;
  readonly message_id: string;
  readonly type: string;
  readonly class: DeadLetterClass;
  readonly reason: string;
  readonly correlation: string;
  readonly why: string;
  readonly detail: string;
}

/** Lists letters of a redrive in their order. */
export async function listRedriveItems(
  connection: Connection,
  { id, states, after = 0, limit }: {
    readonly id: string;
    readonly states?: readonly RedriveItemState[];
    readonly after?: number;
    readonly limit: number;
  },
): Promise<readonly StoredRedriveItem[]> {
  if (!isUuid(id)) return [];
  const rows = await connection.run("list letters of a redrive", (sql) =>
    sql<ItemRow[]>`
      select i.* from mesh.redrive_item i
      where i.job_id = ${id}::uuid and i.ordinal > ${after}
        ${states === undefined ? sql`` : sql`and i.state = any (${sqlArray(states)}::text[])`}
      order by i.ordinal limit ${limit}`);
  return rows.map((row) => ({
    letterId: row.letter_id,
    laterId: row.later_id,
    takenAtMs: row.taken_at_ms,
    endedAtMs: row.ended_at_ms,
    ordinal: row.ordinal,
    batch: row.batch,
    state: row.state,
    messageId: row.message_id,
    type: row.type,
    class: row.class,
    reason: row.reason,
    correlation: row.correlation,
    why: row.why,
    detail: row.detail,
  }));
}

/** How many letters of `j` stand where. */
function countsOf(sql: postgres.Sql) {
  return sql`(
    select json_object_agg(c.state, c.count) from (
      select i.state, count(*) as count from mesh.redrive_item i where i.job_id = j.id group by i.state
    ) as c
  ) as counts`;
}

function redriveFrom(row: JobRow): StoredRedrive {
  return {
    id: row.id,
    reason: row.reason,
    terms: row.plan,
    progress: row.progress,
    status: row.status,
    statusReason: row.status_reason,
    revision: row.revision,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
    counts: Object.fromEntries(
      redriveItemStates.map((state) => [state, row.counts?.[state] ?? 0]),
    ) as StoredRedrive["counts"],
  };
}

/** Written out here: the driver would write what is cast to json a second time. */
function jsonOf(value: Json): string {
  return JSON.stringify(value);
}
