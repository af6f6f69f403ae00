import type { Json } from "@mesh/base";
import type { ProjectionRow } from "../store.ts";
import type { Connection } from "./connection.ts";
import { sqlArray } from "./sql_array.ts";

interface Row {
  readonly projection: string;
  readonly generation: number;
  readonly key: string;
  readonly owner: string;
  readonly sort: string;
  readonly seen: Readonly<Record<string, number>>;
  readonly row: Json;
  readonly revision: number;
}

/** Rows removed by one statement: a generation of a million must not run into the statement timeout. */
const removeCount = 5_000;

/** Loads rows by key; those that do not exist are absent. */
export async function loadRows(
  connection: Connection,
  projection: string,
  select: { readonly generation: number; readonly keys: readonly string[] },
): Promise<readonly ProjectionRow[]> {
  if (select.keys.length === 0) return [];
  const rows = await connection.run("load rows", (sql) =>
    sql<Row[]>`
      select p.* from mesh.projection p
      where p.projection = ${projection} and p.generation = ${select.generation}
        and p.key = any (${sqlArray(select.keys)}::text[])`);
  return rows.map(rowFrom);
}

/** Lists rows in descending order of `sort` (then of key). */
export async function listRows(
  connection: Connection,
  select: {
    readonly projection: string;
    readonly generation: number;
    readonly owner?: string;
    readonly before?: string;
    readonly limit: number;
  },
): Promise<readonly ProjectionRow[]> {
  const rows = await connection.run("list rows", (sql) =>
    sql<Row[]>`
      select p.* from mesh.projection p
      where p.projection || ' ' || p.generation::text = ${`${select.projection} ${select.generation}`}
        ${select.owner === undefined ? sql`` : sql`and p.owner = ${select.owner}`}
        ${select.before === undefined ? sql`` : sql`and p.sort < ${select.before}`}
      order by p.sort desc, p.key desc limit ${select.limit}`);
  return rows.map(rowFrom);
}

/** The generation that readers use. */
export async function readGeneration(connection: Connection, projection: string): Promise<number> {
  const [row] = await connection.run("read a generation", (sql) =>
    sql<{ generation: number }[]>`
      select generation from mesh.projection_generation where projection = ${projection}`);
  return row?.generation ?? 1;
}

/** Switches readers, then removes the rows of all other generations. */
export async function switchGeneration(connection: Connection, projection: string, generation: number): Promise<void> {
  await connection.run("switch a generation", (sql) =>
    sql`
      insert into mesh.projection_generation (projection, generation) values (${projection}, ${generation})
      on conflict (projection) do update set generation = excluded.generation`);
  const others = await connection.run("find other generations", (sql) =>
    sql<{ generation: number }[]>`
      select distinct generation from mesh.projection where projection = ${projection} and generation <> ${generation}`);
  for (const other of others) await dropRows(connection, projection, other.generation);
}

/** Removes the rows of one generation, in portions, so that it can die half-way and be called again. */
export async function dropRows(connection: Connection, projection: string, generation: number): Promise<void> {
  let removed: number;
  do {
    const result = await connection.run("remove rows", (sql) =>
      sql`
        delete from mesh.projection where ctid = any (array(
          select p.ctid from mesh.projection p
          where p.projection || ' ' || p.generation::text = ${`${projection} ${generation}`}
          limit ${removeCount}
        ))`);
    removed = result.count;
  } while (removed === removeCount);
}

function rowFrom({ projection, generation, key, owner, sort, seen, row, revision }: Row): ProjectionRow {
  return { projection, generation, key, owner, sort, seen, row, revision };
}
