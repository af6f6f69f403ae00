import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** Whose database to bring up to date, and as whom. */
export interface MigrateTarget {
  readonly service: string;
  /** URL of the service's database, for its owner or for an administrator. */
  readonly url: string;
  /** Role to become first; absent where the URL is the owner's own. */
  readonly role?: string;
  /** Role that the running service logs in as. */
  readonly runtimeRole: string;
}

/** What `--help` prints. */
export const helpText =
  `Brings databases up to date: applies missing migrations, makes the inbox's partitions of the coming
days. Any number of times, by any number of processes; a daily run keeps the partitions ahead.

Usage: deno task migrate [service ...]     all services when none is named

  MESH_OWNER_URL         URL of one service's database, as the owner of its tables; exactly one service is named then
  MESH_POSTGRES_URL      otherwise: URL of the server, as an administrator who becomes each owner in turn
  MESH_DATABASE_PREFIX   put before a service's name to get its database's (default empty)

The running service logs in as the role that is named as its database, the owner as that with "_owner" behind it.
Exit code: 0 if every database is up to date, 1 if one is not, 2 if the command line or the environment is wrong.
`;

/**
 * Reads command line and environment.
 *
 * @param env Reads one variable; an empty one counts as absent.
 * @param known Names of all services.
 * @returns What to migrate, or `undefined` if help is asked for.
 * @throws {ConfigError} That lists every fault at once; URLs, which hold passwords, are not repeated.
 *
 * @example One service, by its owner
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { readMigrateTargets } from "./migrate_options.ts";
 *
 * const env = (name: string) => name === "MESH_OWNER_URL" ? "postgres://orders_owner:secret@db:5432/orders" : undefined;
 * assertEquals(readMigrateTargets(["orders"], env, ["orders", "users"]), [{
 *   service: "orders",
 *   url: "postgres://orders_owner:secret@db:5432/orders",
 *   runtimeRole: "orders",
 * }]);
 * ```
 */
export function readMigrateTargets(
  args: readonly string[],
  env: (name: string) => string | undefined,
  known: readonly string[],
): readonly MigrateTarget[] | undefined {
  const { help, names } = readFlags(args);
  if (help) return undefined;
  const faults = names.filter((name) => !known.includes(name)).map((name) => `there is no service "${name}"`);
  const ownerUrl = env("MESH_OWNER_URL") || undefined;
  const variable = ownerUrl === undefined ? "MESH_POSTGRES_URL" : "MESH_OWNER_URL";
  const url = ownerUrl ?? (env("MESH_POSTGRES_URL") || undefined);
  if (url === undefined) faults.push("neither MESH_OWNER_URL nor MESH_POSTGRES_URL is set");
  else if (!isPostgresUrl(url)) faults.push(`${variable} is no postgres:// URL with a database`);
  if (ownerUrl !== undefined && names.length !== 1) {
    faults.push(`MESH_OWNER_URL is for one service, and ${names.length} are named`);
  }
  if (url === undefined || faults.length > 0) throw new ConfigError(`Cannot migrate: ${faults.join("; ")}`);
  if (ownerUrl !== undefined) return [{ service: names[0]!, url, runtimeRole: databaseOf(url) }];
  const prefix = env("MESH_DATABASE_PREFIX") ?? "";
  return (names.length === 0 ? known : names).map((service) => {
    const database = `${prefix}${service}`;
    const own = new URL(url);
    own.pathname = `/${database}`;
    return { service, url: own.href, role: `${database}_owner`, runtimeRole: database };
  });
}

function databaseOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text) && databaseOf(text) !== "";
}

function readFlags(args: readonly string[]): { readonly help: boolean; readonly names: readonly string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" } },
    });
    return { help: values.help === true, names: positionals };
  } catch (error) {
    throw new ConfigError(`Cannot migrate: ${errorText(error)}; --help says how it is used`, { cause: error });
  }
}
