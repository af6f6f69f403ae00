import { ConfigError } from "@mesh/base";
import type postgres from "postgres";
import { asOwner } from "./owner_session.ts";

/** Which database and roles a service gets. */
export interface ProvisionOptions {
  /** URL of a role that may create databases and roles. */
  readonly adminUrl: string;
  /** Name of the service: of its database and of its runtime role. Lower-case letters, digits, `-` and `_`. */
  readonly service: string;
  /** Password of the runtime role. */
  readonly password: string;
  /** Password of the owner role; without it nobody can log in as the owner and migrations run as administrator. */
  readonly ownerPassword?: string;
  /** Put before every name, so that several shops (or test runs) can share a server. Default empty. */
  readonly prefix?: string;
}

/** A service's database, ready to be migrated. */
export interface ProvisionedService {
  readonly database: string;
  readonly ownerRole: string;
  readonly runtimeRole: string;
  /** For the running service. */
  readonly url: string;
  /** For `migrate` and `maintainInbox`, together with `ownerRole` as their `role`. */
  readonly ownerUrl: string;
}

/**
 * Creates a service's database, its owner role, and the role it runs as; brings existing ones up to date.
 *
 * The runtime role may read and write rows of what the owner makes and change nothing else. Its transactions end after
 * 5 s of idleness (an open one holds up every feed of the server) and its statements after 10 s, a third of a turn.
 *
 * @throws {ConfigError} If a name cannot be one.
 * @throws {UnavailableError} If the server is away.
 *
 * @example From nothing to a service that can start
 * ```ts ignore
 * import { maintainInbox, migrate, provisionService, readMeshMigrations } from "@mesh/store/migrate";
 *
 * const { ownerUrl, ownerRole, runtimeRole, url } = await provisionService({
 *   adminUrl: "postgres://postgres:secret@localhost/postgres",
 *   service: "orders",
 *   password: "another secret",
 * });
 * await migrate({ url: ownerUrl, role: ownerRole, runtimeRole, sets: [await readMeshMigrations()] });
 * await maintainInbox({ url: ownerUrl, role: ownerRole });
 * console.log(`start the service with ${url}`);
 * ```
 */
export async function provisionService(options: ProvisionOptions): Promise<ProvisionedService> {
  const database = `${options.prefix ?? ""}${options.service}`;
  if (!/^[a-z][a-z0-9_-]{0,50}$/.test(database)) {
    throw new ConfigError(`Cannot provision "${database}": no name of up to 51 lower-case letters, digits, - and _`);
  }
  const names = { database, runtimeRole: database, ownerRole: `${database}_owner` };
  const ownerUrl = options.ownerPassword === undefined
    ? urlWith(options.adminUrl, { database })
    : urlWith(options.adminUrl, { database, user: names.ownerRole, password: options.ownerPassword });
  await asOwner({ url: options.adminUrl }, `provision "${database}"`, async (sql) => {
    await provideRole(sql, names.runtimeRole, options.password);
    await provideRole(sql, names.ownerRole, options.ownerPassword);
    await provideDatabase(sql, names);
  });
  const asAdmin = { url: urlWith(options.adminUrl, { database }) };
  await asOwner(asAdmin, `grant rights in "${database}"`, (sql) => setRights(sql, names));
  return {
    ...names,
    url: urlWith(options.adminUrl, { database, user: names.runtimeRole, password: options.password }),
    ownerUrl,
  };
}

interface Names {
  readonly database: string;
  readonly ownerRole: string;
  readonly runtimeRole: string;
}

async function provideRole(sql: postgres.Sql, role: string, password: string | undefined): Promise<void> {
  const [found] = await sql`select 1 from pg_roles where rolname = ${role}`;
  const verb = found === undefined ? "create" : "alter";
  // Statements about roles take no parameters, so the server does the quoting.
  const login = password === undefined ? "nologin" : "login password %L";
  const [statement] = await sql<{ text: string }[]>`
    select format(${`${verb} role %I ${login}`}, ${role}::text, ${password ?? null}::text) as text`;
  await sql.unsafe(statement?.text ?? "");
}

async function provideDatabase(sql: postgres.Sql, { database, ownerRole, runtimeRole }: Names): Promise<void> {
  // Who is no superuser can only give a database to a role that it belongs to.
  await sql`grant ${sql(ownerRole)} to current_user`;
  const [found] = await sql`select 1 from pg_database where datname = ${database}`;
  if (found === undefined) {
    await sql`create database ${sql(database)} owner ${sql(ownerRole)} encoding 'UTF8' template template0`;
  }
  await sql`revoke all on database ${sql(database)} from public`;
  await sql`grant connect on database ${sql(database)} to ${sql(runtimeRole)}`;
  for (const role of [ownerRole, runtimeRole]) {
    await sql`alter role ${sql(role)} in database ${sql(database)} set idle_in_transaction_session_timeout = '5s'`;
  }
  await sql`alter role ${sql(runtimeRole)} in database ${sql(database)} set statement_timeout = '10s'`;
  // Compiling pays for long queries; here it would only delay the first of each short one.
  await sql`alter role ${sql(runtimeRole)} in database ${sql(database)} set jit = off`;
}

async function setRights(sql: postgres.Sql, { ownerRole, runtimeRole }: Names): Promise<void> {
  const [owner, runtime] = [sql(ownerRole), sql(runtimeRole)];
  await sql`revoke create on schema public from public`;
  await sql`alter default privileges for role ${owner} grant usage on schemas to ${runtime}`;
  await sql`alter default privileges for role ${owner} grant select, insert, update, delete on tables to ${runtime}`;
  await sql`alter default privileges for role ${owner} grant usage, select on sequences to ${runtime}`;
}

function urlWith(
  url: string,
  parts: { readonly database: string; readonly user?: string; readonly password?: string },
): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(parts.database)}`;
  if (parts.user !== undefined) other.username = encodeURIComponent(parts.user);
  if (parts.password !== undefined) other.password = encodeURIComponent(parts.password);
  return other.href;
}
