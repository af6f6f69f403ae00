import type { Json } from "@mesh/base";
import type { ClaimedEffect, EffectClaim, EffectEntry, EffectRelease, OutboxEntry } from "../store.ts";
import { callInsert } from "./outbox.ts";
import type { Connection } from "./connection.ts";
import { sqlArray } from "./sql_array.ts";

interface EffectRow {
  readonly id: string;
  readonly stream: string;
  readonly effect: string;
  readonly dependency: string;
  readonly correlation: string;
  readonly request: Json;
  readonly caused_by: EffectEntry["causedBy"];
  readonly headers: Readonly<Record<string, string>>;
  readonly attempt: number;
  readonly lease_epoch: number;
}

/** Claims effects that may be performed now. */
export async function claimEffects(
  connection: Connection,
  { limits: wanted, leaseMs, by }: EffectClaim,
): Promise<readonly ClaimedEffect[]> {
  const limits = Object.entries(wanted).filter(([, places]) => places > 0);
  if (limits.length === 0) return [];
  const names = sqlArray(limits.map(([name]) => name));
  const places = sqlArray(limits.map(([, count]) => count));
  const rows = await connection.run(
    "claim effects",
    (sql) => sql<EffectRow[]>`select * from mesh.claim_effects(${names}::text[], ${places}::int[], ${leaseMs}, ${by})`,
  );
  return rows.map((row) => ({
    id: row.id,
    stream: row.stream,
    effect: row.effect,
    dependency: row.dependency,
    request: row.request,
    correlation: row.correlation,
    causedBy: row.caused_by,
    headers: row.headers,
    attempt: row.attempt,
    leaseEpoch: row.lease_epoch,
  }));
}

/** Ends an effect and queues its outcome, if the lease is still this one. */
export async function finishEffect(
  connection: Connection,
  effect: ClaimedEffect,
  outcome: OutboxEntry,
): Promise<boolean> {
  const rows = await connection.run("finish an effect", (sql) =>
    sql`
      with ended as (
        delete from mesh.effect where id = ${effect.id} and lease_epoch = ${effect.leaseEpoch} returning *
      ), given_up as (
        delete from mesh.effect older using ended
        where older.stream = ended.stream and older.position < ended.position and older.effect = any (ended.supersedes)
      )
      select ${callInsert(sql, [outcome])} from ended`);
  return rows.count === 1;
}

/** Gives an effect back, if the lease is still this one. */
export async function releaseEffect(
  connection: Connection,
  effect: ClaimedEffect,
  { retryInMs, error, mayArrive }: EffectRelease,
): Promise<void> {
  await connection.run("release an effect", (sql) =>
    sql`
      update mesh.effect
      set leased_until_ms = case when ${mayArrive} then leased_until_ms end, is_abandoned = ${mayArrive},
        next_at_ms = mesh.now_ms() + ${retryInMs}::bigint, last_error = ${error.replaceAll("\0", "\uFFFD")}
      where id = ${effect.id} and lease_epoch = ${effect.leaseEpoch}`);
}
