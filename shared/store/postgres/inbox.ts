import type postgres from "postgres";
import { isUuid } from "../writes.ts";
import type { Connection } from "./connection.ts";
import { sqlArray } from "./sql_array.ts";

/** Finds messages that are in the inbox; ids that are no UUID cannot be. */
export async function findInInbox(
  connection: Connection,
  consumer: string,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const ids = messageIds.filter(isUuid).sort();
  if (ids.length === 0) return new Set();
  const rows = await connection.run(
    "look into the inbox",
    (sql) => sql<{ id: string }[]>`${inInbox(sql, consumer, ids)}`,
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Finds messages that need no handling: in the inbox, parked, or dead or discarded.
 *
 * Dead letters of class `untrusted` do not count: anybody can send rubbish under the id of a message that is still to come.
 */
export async function findHandled(
  connection: Connection,
  consumer: string,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const ids = messageIds.filter(isUuid).sort();
  if (ids.length === 0) return new Set();
  const rows = await connection.run("find handled messages", (sql) =>
    sql<{ id: string }[]>`
      ${inInbox(sql, consumer, ids)}
      union
      select p.message_id::text from mesh.parked p where p.message_id = any (${sqlArray(ids)}::uuid[])
      union
      select d.message_id from mesh.dead_letter d
      where d.message_id = any (${sqlArray(ids)}::text[]) and d.class <> 'untrusted' and d.status <> 'redriven'`);
  return new Set(rows.map(({ id }) => id));
}

/**
 * Selects `id` of what is in the inbox. The range lets the planner leave out all partitions but a few; a list of ids alone
 * does not.
 *
 * @param ids UUIDs, at least one, in their order.
 */
function inInbox(sql: postgres.Sql, consumer: string, ids: readonly string[]) {
  return sql`
    select i.message_id::text as id from mesh.inbox i
    where i.message_id between ${ids[0]!}::uuid and ${ids.at(-1)!}::uuid
      and i.message_id = any (${sqlArray(ids)}::uuid[]) and i.consumer = ${consumer}`;
}
