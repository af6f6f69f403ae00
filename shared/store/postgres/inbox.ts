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
  const [first, last] = [ids[0], ids.at(-1)];
  if (first === undefined || last === undefined) return new Set();
  const rows = await connection.run("look into the inbox", (sql) =>
    sql<{ id: string }[]>`
      select i.message_id::text as id from mesh.inbox i
      where i.message_id between ${first}::uuid and ${last}::uuid
        and i.message_id = any (${sqlArray(ids)}::uuid[]) and i.consumer = ${consumer}`);
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
  const [first, last] = [ids[0], ids.at(-1)];
  if (first === undefined || last === undefined) return new Set();
  // The range lets the planner leave out all partitions but a few; a list of ids alone does not.
  const rows = await connection.run("find handled messages", (sql) =>
    sql<{ id: string }[]>`
      select i.message_id::text as id from mesh.inbox i
      where i.message_id between ${first}::uuid and ${last}::uuid
        and i.message_id = any (${sqlArray(ids)}::uuid[]) and i.consumer = ${consumer}
      union
      select p.message_id::text from mesh.parked p where p.message_id = any (${sqlArray(ids)}::uuid[])
      union
      select d.message_id from mesh.dead_letter d
      where d.message_id = any (${sqlArray(ids)}::text[]) and d.class <> 'untrusted' and d.status <> 'redriven'`);
  return new Set(rows.map(({ id }) => id));
}
