import type postgres from "postgres";
import { systemClock } from "@mesh/base";

/** Rows written since the statistics began. */
export interface RowCount {
  readonly inserted: number;
  /** Updated or deleted. */
  readonly changed: number;
}

/** 11 s: a backend tells what it has done at once, or after ten seconds of idleness (`PGSTAT_IDLE_INTERVAL`). */
const toldAfterMs = 11_000;

/** Reads how many rows were written in some databases, once all backends have told. */
export async function readRowCount(databases: readonly postgres.Sql[]): Promise<RowCount> {
  await systemClock.delay(toldAfterMs);
  const counts = await Promise.all(databases.map(async (sql) => {
    const [row] = await sql<[{ inserted: string; changed: string }]>`
      select coalesce(sum(n_tup_ins), 0)::text as inserted, coalesce(sum(n_tup_upd + n_tup_del), 0)::text as changed
      from pg_stat_user_tables`;
    return row;
  }));
  return {
    inserted: counts.reduce((sum, { inserted }) => sum + Number(inserted), 0),
    changed: counts.reduce((sum, { changed }) => sum + Number(changed), 0),
  };
}
