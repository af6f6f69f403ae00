import { MeshError } from "@mesh/base";
import postgres from "postgres";
import { translateError } from "../postgres/translate_error.ts";

/** Who changes a database. */
export interface OwnerAccess {
  /** URL of the database, for the owner role or for one that may become it. */
  readonly url: string;
  /** Role to become first: the owner, where the URL is an administrator's. */
  readonly role?: string;
}

/**
 * Runs statements over one connection as the owner of a database.
 *
 * @param what For the error message.
 * @throws {UnavailableError} If the database is away.
 * @throws {DefectError} If a statement is wrong or not allowed.
 */
export async function asOwner<T>(
  access: OwnerAccess,
  what: string,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(access.url, {
    max: 1,
    connect_timeout: 5,
    // Renewed connections would not have the role and the lock of the first.
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: "mesh-migrate" },
    fetch_types: false,
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  });
  try {
    if (access.role !== undefined) await sql`set role ${sql(access.role)}`;
    return await work(sql);
  } catch (error) {
    throw error instanceof MeshError ? error : translateError(error, what);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
