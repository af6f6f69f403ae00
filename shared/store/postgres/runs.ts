import type { RunNote } from "../run_record.ts";
import type { Connection } from "./connection.ts";
import { sqlArray } from "./sql_array.ts";

/** Notes where a process stands; when it begins, effects that its replica holds are abandoned. */
export async function noteRun(connection: Connection, ordinal: number, note: RunNote): Promise<number> {
  const isRunning = note !== "stopped";
  const [row] = await connection.run("note where this process stands", (sql) =>
    sql<{ died_count: number }[]>`
      with abandoned as (
        update mesh.effect set is_abandoned = true
        where ${note === "begun"} and leased_by = ${ordinal} and leased_until_ms is not null
      )
      insert into mesh.run as old (ordinal, is_running, died_count) values (${ordinal}, ${isRunning}, 0)
      on conflict (ordinal) do update set is_running = ${isRunning},
        died_count = case when ${note === "begun"} and old.is_running then old.died_count + 1 else 0 end
      returning died_count`);
  return row?.died_count ?? 0;
}

/** Counts how often messages were begun of which nothing became. */
export async function countBegun(
  connection: Connection,
  digests: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await connection.run("count what was begun", (sql) =>
    sql<{ digest: string; begun_count: number }[]>`
      select digest, begun_count from mesh.suspect where digest = any (${sqlArray(digests)}::text[])`);
  return new Map(rows.map(({ digest, begun_count }) => [digest, begun_count]));
}

/** Notes that messages are begun. */
export async function noteBegun(connection: Connection, digests: readonly string[]): Promise<void> {
  await connection.run("note what is begun", (sql) =>
    sql`
      insert into mesh.suspect as old (digest, begun_count)
      select digest, 1 from unnest(${sqlArray([...digests].sort())}::text[]) as d(digest)
      on conflict (digest) do update set begun_count = old.begun_count + 1`);
}

/** Notes that something became of them. */
export async function noteEnded(connection: Connection, digests: readonly string[]): Promise<void> {
  await connection.run(
    "note that something became of messages",
    (sql) => sql`delete from mesh.suspect where digest = any (${sqlArray([...digests].sort())}::text[])`,
  );
}
