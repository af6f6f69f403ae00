import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";
import { z } from "zod";

/** Whose databases to bring up to date, and as whom. */
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

  MESH_POSTGRES_URL               server with the databases, as an administrator or, for one service, as its owner
  MESH_POSTGRES_URL_<SERVICE>     URL of one service's database, as its owner; goes before MESH_POSTGRES_URL
  MESH_OWNER_ROLE                 role to become; <database>_owner by default, "none" to stay who the URL says
  MESH_RUNTIME_ROLE               role that the service logs in as; the name of the database by default
  MESH_DATABASE_PREFIX            put before the service's name to get the database's (default empty)

Exit code: 0 if every database is up to date, 1 if one is not, 2 if the command line or the environment is wrong.
`;

/**
 * Reads command line and environment.
 *
 * @param known Names of all services.
 * @returns What to migrate, or `undefined` if help is asked for.
 * @throws {ConfigError} That lists every fault at once; URLs, which hold passwords, are not repeated.
 *
 * @example One service, by its owner
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { readMigrateTargets } from "./migrate_options.ts";
 *
 * const env = { MESH_POSTGRES_URL_ORDERS: "postgres://orders_owner:secret@db:5432/orders", MESH_OWNER_ROLE: "none" };
 * assertEquals(readMigrateTargets(["orders"], env, ["orders", "users"]), [{
 *   service: "orders",
 *   url: "postgres://orders_owner:secret@db:5432/orders",
 *   runtimeRole: "orders",
 * }]);
 * ```
 */
export function readMigrateTargets(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): readonly MigrateTarget[] | undefined {
  const { help, names } = readFlags(args);
  if (help) return undefined;
  const faults = names.filter((name) => !known.includes(name)).map((name) => `there is no service "${name}"`);
  const targets = (names.length === 0 ? known : names).flatMap((service) => {
    const target = targetOf(service, env);
    if (typeof target !== "string") return [target];
    faults.push(target);
    return [];
  });
  if (faults.length > 0) throw new ConfigError(`Cannot migrate: ${[...new Set(faults)].join("; ")}`);
  return targets;
}

/** @returns The target, or what is wrong. */
function targetOf(service: string, env: Readonly<Record<string, string | undefined>>): MigrateTarget | string {
  const ownVariable = `MESH_POSTGRES_URL_${service.toUpperCase().replaceAll("-", "_")}`;
  const own = env[ownVariable] || undefined;
  const shared = env.MESH_POSTGRES_URL || undefined;
  if (own === undefined && shared === undefined) return `neither ${ownVariable} nor MESH_POSTGRES_URL is set`;
  const parsed = PostgresUrl.safeParse(own ?? shared);
  if (!parsed.success) return `${own === undefined ? "MESH_POSTGRES_URL" : ownVariable} is no postgres:// URL`;
  const url = new URL(parsed.data);
  const database = own === undefined ? `${env.MESH_DATABASE_PREFIX ?? ""}${service}` : url.pathname.slice(1);
  if (database === "") return `${ownVariable} names no database`;
  url.pathname = `/${database}`;
  const role = env.MESH_OWNER_ROLE || `${database}_owner`;
  return {
    service,
    url: url.href,
    ...(role === "none" ? {} : { role }),
    runtimeRole: env.MESH_RUNTIME_ROLE || database,
  };
}

const PostgresUrl = z.string().regex(/^postgres(ql)?:\/\//).refine((text) => URL.canParse(text));

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
