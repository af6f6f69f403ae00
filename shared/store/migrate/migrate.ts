import { ConfigError, DefectError, errorText } from "@mesh/base";
import type postgres from "postgres";
import { codeOf, translateError } from "../postgres/translate_error.ts";
import type { Migration, MigrationSet } from "./migration_files.ts";
import { asOwner, type OwnerAccess } from "./owner_session.ts";

/** What to bring a database to. */
export interface MigrateOptions extends OwnerAccess {
  /** Applied one set after the other: the mesh's own first. */
  readonly sets: readonly MigrationSet[];
  /** Role of the running service; `mesh.make_append_only` takes rights from it. */
  readonly runtimeRole?: string;
  /** Receives progress, one line per migration. */
  readonly log?: (line: string) => void;
}

/** What a migration did. */
export interface MigrateReport {
  /** `mesh/0001_tables.sql`, in the order of application. */
  readonly applied: readonly string[];
  /** Applied by a newer release, unknown to this one; harmless as long as migrations only add. */
  readonly unknown: readonly string[];
  /** Whether the database was found to be a restored copy, so that its feed began a new epoch. */
  readonly isRestored: boolean;
}

/**
 * Applies the migrations that are missing, each in a transaction of its own together with its line in the ledger.
 *
 * Several processes may call it at once: an advisory lock lets one at a time, the others then find nothing to do.
 * Dying half-way loses nothing.
 *
 * @throws {ConfigError} If an applied file was changed since, or a new one sorts before one that is applied: lists all.
 * @throws {UnavailableError} If the database is away.
 * @throws {DefectError} If the SQL of a migration is wrong; earlier ones stay applied.
 *
 * @example The store and a service's own tables
 * ```ts ignore
 * import { migrate, readMeshMigrations, readMigrations } from "@mesh/store/migrate";
 *
 * await migrate({
 *   url: "postgres://orders_owner:secret@localhost/orders",
 *   runtimeRole: "orders",
 *   sets: [
 *     await readMeshMigrations(),
 *     await readMigrations("orders", new URL("./migrations/", import.meta.url)),
 *   ],
 * });
 * ```
 */
export async function migrate(options: MigrateOptions): Promise<MigrateReport> {
  return await asOwner(options, "migrate", async (sql) => {
    await sql`select pg_advisory_lock(hashtextextended('mesh.migrate', 2))`;
    await prepareLedger(sql, options.runtimeRole ?? "");
    const ledger = await sql<LedgerRow[]>`select set_name, name, hash from mesh.migration order by set_name, name`;
    const pending = findPending(options.sets, ledger);
    const applied: string[] = [];
    for (const { set, migration } of pending) {
      await apply(sql, set, { migration, runtimeRole: options.runtimeRole ?? "" });
      applied.push(`${set}/${migration.name}`);
      options.log?.(`applied ${set}/${migration.name}`);
    }
    return { applied, unknown: findUnknown(options.sets, ledger), isRestored: await noticeRestore(sql) };
  });
}

/**
 * Begins a new epoch of the feed: every cursor given out before is refused, so that subscribers read from the start.
 *
 * For whoever restored the database to an earlier moment (`migrate` notices a restore into another cluster by itself).
 *
 * @returns The new epoch.
 */
export async function raiseFeedEpoch(access: OwnerAccess): Promise<number> {
  return await asOwner(access, "raise the feed's epoch", (sql) => changeEpoch(sql, false));
}

interface LedgerRow {
  readonly set_name: string;
  readonly name: string;
  readonly hash: string;
}

async function prepareLedger(sql: postgres.Sql, runtimeRole: string): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`create schema if not exists mesh`;
    await transaction`
      create table if not exists mesh.migration (
        set_name text not null, name text not null, hash text not null, applied_at timestamptz not null default now(),
        primary key (set_name, name)
      )`;
    if (runtimeRole === "") return;
    await transaction`revoke insert, update, delete, truncate on mesh.migration from ${transaction(runtimeRole)}`;
  });
}

function findPending(
  sets: readonly MigrationSet[],
  ledger: readonly LedgerRow[],
): readonly { readonly set: string; readonly migration: Migration }[] {
  const faults: string[] = [];
  const pending = sets.flatMap(({ name: set, migrations }) => {
    const rows = ledger.filter((row) => row.set_name === set);
    const hashes = new Map(rows.map((row) => [row.name, row.hash]));
    const last = rows.at(-1)?.name ?? "";
    return migrations.flatMap((migration) => {
      const hash = hashes.get(migration.name);
      if (hash !== undefined && hash !== migration.hash) faults.push(`"${set}/${migration.name}" was changed`);
      if (hash === undefined && migration.name < last) {
        faults.push(`"${set}/${migration.name}" comes before "${last}", which is applied`);
      }
      return hash === undefined ? [{ set, migration }] : [];
    });
  });
  if (faults.length > 0) throw new ConfigError(`Cannot migrate: ${faults.join(", ")}`);
  return pending;
}

function findUnknown(sets: readonly MigrationSet[], ledger: readonly LedgerRow[]): readonly string[] {
  const known = new Set(sets.flatMap((set) => set.migrations.map(({ name }) => `${set.name}/${name}`)));
  const names = new Set(sets.map(({ name }) => name));
  return ledger.filter((row) => names.has(row.set_name)).map((row) => `${row.set_name}/${row.name}`)
    .filter((name) => !known.has(name));
}

async function apply(
  sql: postgres.Sql,
  set: string,
  { migration, runtimeRole }: { readonly migration: Migration; readonly runtimeRole: string },
): Promise<void> {
  const what = `apply migration "${set}/${migration.name}"`;
  try {
    await sql.begin(async (transaction) => {
      await transaction`select set_config('mesh.runtime_role', ${runtimeRole}, true)`;
      await transaction.unsafe(migration.sql).simple();
      await transaction`
        insert into mesh.migration (set_name, name, hash) values (${set}, ${migration.name}, ${migration.hash})`;
    });
  } catch (error) {
    const translated = translateError(error, what);
    if (translated.name !== "DefectError") throw translated;
    const line = lineOf(migration.sql, error);
    throw new DefectError(`Cannot ${what}: ${errorText(error)} (SQLSTATE ${codeOf(error)}${line})`, { cause: error });
  }
}

/** The server gives the place of an error as a count of characters. */
function lineOf(sql: string, error: unknown): string {
  const position = Number((error as { position?: unknown }).position);
  return Number.isInteger(position) ? `, line ${sql.slice(0, position).split("\n").length}` : "";
}

async function noticeRestore(sql: postgres.Sql): Promise<boolean> {
  const [state] = await sql<{ has_epoch: boolean }[]>`select to_regclass('mesh.feed_epoch') is not null as has_epoch`;
  return state?.has_epoch === true && await changeEpoch(sql, true) > 0;
}

/** @returns The new epoch; 0 if the cluster is the same and a change was only wanted otherwise. */
async function changeEpoch(sql: postgres.Sql, onlyIfMoved: boolean): Promise<number> {
  return await sql.begin(async (transaction) => {
    // Waits for turns that have read the old epoch, so that none of them records an event in it afterwards.
    await transaction`lock table mesh.feed_epoch in access exclusive mode`;
    const [row] = await transaction<{ epoch: number }[]>`
      update mesh.feed_epoch f set epoch = f.epoch + 1, system_identifier = c.system_identifier::text
      from pg_control_system() c
      where not ${onlyIfMoved} or f.system_identifier <> c.system_identifier::text
      returning f.epoch`;
    return row?.epoch ?? 0;
  }) as number;
}
