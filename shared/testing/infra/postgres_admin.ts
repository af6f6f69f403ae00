import postgres from "postgres";
import { ConfigError, UnavailableError } from "@mesh/base";

/**
 * Creates a database on a server.
 *
 * @param adminUrl URL of a role that may create databases.
 * @param name Letters, digits, `_` and `-`, at most 63; the client does not decode other signs in a URL.
 * @returns URL of the new database, for the same role.
 * @throws {ConfigError} If the name has other signs.
 * @throws {UnavailableError} If the server refuses, for example because the name is taken.
 */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  await runStatement(adminUrl, `create database ${quoted(name)}`);
  return withDatabase(adminUrl, name);
}

/**
 * Drops a database and whoever is still connected to it; does nothing if there is none.
 *
 * @throws {UnavailableError} If the server refuses.
 */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await runStatement(adminUrl, `drop database if exists ${quoted(name)} with (force)`);
}

/** Gives a Postgres URL another database. */
export function withDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

/** Says whether a server accepts a login now. */
export async function canLogIn(url: string): Promise<boolean> {
  const sql = connect(url);
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function runStatement(adminUrl: string, statement: string): Promise<void> {
  const sql = connect(adminUrl);
  try {
    await sql.unsafe(statement);
  } catch (cause) {
    throw new UnavailableError(`Cannot ${statement}: ${(cause as Error).message}`, { cause, dependency: "postgres" });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function connect(url: string): postgres.Sql {
  // Notices such as "database does not exist, skipping" are what "if exists" asks for.
  return postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
}

function quoted(name: string): string {
  if (!/^[\w-]{1,63}$/.test(name)) {
    throw new ConfigError(`Cannot name a database "${name}": only letters, digits, _ and -`);
  }
  return `"${name}"`;
}
