import type { DeadLetterQuery } from "../redrive.ts";
import type { DeadLetterClass, StoredDeadLetter } from "../store.ts";
import { cleanText, isUuid } from "../writes.ts";
import type { Connection } from "./connection.ts";

interface Row {
  readonly id: string;
  readonly died_at_ms: number;
  readonly attempts: number;
  readonly body_bytes: number;
  readonly status: StoredDeadLetter["status"];
  readonly class: DeadLetterClass;
  readonly message_id: string;
  readonly type: string;
  readonly reason: string;
  readonly detail: string;
  readonly queue: string;
  readonly user_id: string;
  readonly correlation: string;
  readonly digest: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Lists dead letters, the newest first unless asked otherwise. */
export async function listDeadLetters(
  connection: Connection,
  query: DeadLetterQuery,
): Promise<readonly StoredDeadLetter[]> {
  const { after, sinceMs, untilMs, isOldestFirst = false } = query;
  if (after !== undefined && !isUuid(after)) return [];
  const rows = await connection.run("list dead letters", (sql) => {
    const equal = (["status", "class", "type", "reason", "correlation"] as const)
      .map((name) => query[name] === undefined ? sql`` : sql`and d.${sql(name)} = ${cleanText(query[name])}`);
    return sql<Row[]>`
      select d.* from mesh.dead_letter d
      where true ${equal[0]!} ${equal[1]!} ${equal[2]!} ${equal[3]!} ${equal[4]!}
        ${sinceMs === undefined ? sql`` : sql`and d.died_at_ms >= ${sinceMs}`}
        ${untilMs === undefined ? sql`` : sql`and d.died_at_ms < ${untilMs}`}
        ${after === undefined ? sql`` : isOldestFirst ? sql`and d.id > ${after}::uuid` : sql`and d.id < ${after}::uuid`}
      order by d.id ${isOldestFirst ? sql`asc` : sql`desc`} limit ${query.limit}`;
  });
  return rows.map(letterFrom);
}

/** Finds one dead letter; ids come from operators, so anything may be asked for. */
export async function findDeadLetter(connection: Connection, id: string): Promise<StoredDeadLetter | undefined> {
  if (!isUuid(id)) return undefined;
  const [row] = await connection.run(
    "find a dead letter",
    (sql) => sql<Row[]>`select d.* from mesh.dead_letter d where d.id = ${id}::uuid`,
  );
  return row === undefined ? undefined : letterFrom(row);
}

function letterFrom(row: Row): StoredDeadLetter {
  return {
    id: row.id,
    messageId: row.message_id,
    type: row.type,
    class: row.class,
    reason: row.reason,
    detail: row.detail,
    attempts: row.attempts,
    queue: row.queue,
    userId: row.user_id,
    correlation: row.correlation,
    body: row.body,
    bodyBytes: row.body_bytes,
    digest: row.digest,
    headers: row.headers,
    diedAtMs: row.died_at_ms,
    status: row.status,
  };
}
