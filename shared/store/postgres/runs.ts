import type { RunNote } from "../run_record.ts";
import type { Connection } from "./connection.ts";

/** Notes where a process stands. */
export async function noteRun(connection: Connection, ordinal: number, note: RunNote): Promise<number> {
  const isRunning = note !== "stopped";
  const [row] = await connection.run("note where this process stands", (sql) =>
    sql<{ died_count: number }[]>`
      insert into mesh.run as old (ordinal, is_running, died_count) values (${ordinal}, ${isRunning}, 0)
      on conflict (ordinal) do update set is_running = ${isRunning},
        died_count = case when ${note === "begun"} and old.is_running then old.died_count + 1 else 0 end
      returning died_count`);
  return row?.died_count ?? 0;
}

/** Notes that a message is taken up alone. */
export async function beginAlone(connection: Connection, digest: string): Promise<number> {
  const [row] = await connection.run("note a message that is taken up alone", (sql) =>
    sql<{ begun_count: number }[]>`
      insert into mesh.suspect as old (digest, begun_count) values (${digest}, 1)
      on conflict (digest) do update set begun_count = old.begun_count + 1
      returning begun_count`);
  return (row?.begun_count ?? 1) - 1;
}

/** Notes that something became of it. */
export async function endAlone(connection: Connection, digest: string): Promise<void> {
  await connection.run(
    "note that something became of a message",
    (sql) => sql`delete from mesh.suspect where digest = ${digest}`,
  );
}
