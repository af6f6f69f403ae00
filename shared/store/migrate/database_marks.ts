import { asOwner } from "./owner_session.ts";

/**
 * Reads what was last noted about databases with {@link writeDatabaseMark}: a note in the place that it is about cannot
 * outlive it, as a file beside it could.
 *
 * @param adminUrl URL of an administrator.
 * @returns Notes by database; databases without one are absent.
 * @throws {UnavailableError} If the server is away.
 */
export async function readDatabaseMarks(adminUrl: string): Promise<Readonly<Record<string, string>>> {
  const rows = await asOwner(
    { url: adminUrl },
    "read the marks of databases",
    (sql) =>
      sql<{ name: string; mark: string }[]>`
      select datname as name, shobj_description(oid, 'pg_database') as mark from pg_database
      where shobj_description(oid, 'pg_database') is not null`,
  );
  return Object.fromEntries(rows.map(({ name, mark }) => [name, mark]));
}

/**
 * Notes something about a database, as its comment.
 *
 * @throws {UnavailableError} If the server is away.
 * @throws {DefectError} If there is no such database.
 */
export async function writeDatabaseMark(adminUrl: string, database: string, mark: string): Promise<void> {
  await asOwner({ url: adminUrl }, `mark database "${database}"`, async (sql) => {
    // The statement takes no parameters, so the server does the quoting.
    const [statement] = await sql<{ text: string }[]>`
      select format('comment on database %I is %L', ${database}::text, ${mark}::text) as text`;
    await sql.unsafe(statement?.text ?? "");
  });
}
