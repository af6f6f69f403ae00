import { sha256 } from "@mesh/base";
import {
  maintainInbox,
  migrate,
  type MigrationSet,
  type OwnerAccess,
  readMeshMigrations,
  readMigrations,
} from "@mesh/store/migrate";

/**
 * Reads everything that a service's database is made of: the mesh's tables first, then the service's own.
 *
 * @param service Name of the service; its folder may lack `migrations/`.
 */
export async function readServiceMigrations(service: string): Promise<readonly MigrationSet[]> {
  const own = await readMigrations(service, new URL(`../services/${service}/migrations/`, import.meta.url));
  return [await readMeshMigrations(), ...(own.migrations.length === 0 ? [] : [own])];
}

/** @returns A digest that changes with every change of a migration. */
export function digestOfMigrations(sets: readonly MigrationSet[]): string {
  return sha256(JSON.stringify(sets.map(({ name, migrations }) => [name, migrations.map(({ hash }) => hash)])));
}

/** Whose database to bring up to date. */
export interface ServiceDatabase extends OwnerAccess {
  readonly service: string;
  /** Role that the running service logs in as. */
  readonly runtimeRole: string;
}

/**
 * Applies what is missing and makes the inbox's partitions of the coming days. Any number of times, by anyone.
 *
 * @returns Names of the migrations that were applied.
 * @throws {ConfigError} If a migration that was applied has changed since.
 * @throws {UnavailableError} If the database is away.
 */
export async function migrateService(
  { service, runtimeRole, ...access }: ServiceDatabase,
  sets: readonly MigrationSet[],
  log: (line: string) => void = () => {},
): Promise<readonly string[]> {
  const { applied } = await migrate({
    ...access,
    sets,
    runtimeRole,
    log: (line) => log(`${service}: ${line}`),
  });
  const { made, dropped } = await maintainInbox(access);
  if (made.length > 0) log(`${service}: inbox partitions from ${made[0]} to ${made.at(-1)}`);
  if (dropped.length > 0) log(`${service}: dropped inbox partitions ${dropped.join(", ")}`);
  return applied;
}
