import { ConfigError, sha256 } from "@mesh/base";

/** One file of SQL that is applied once. */
export interface Migration {
  /** `0001_tables.sql`: applied in the order of names. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, base64url. */
  readonly hash: string;
}

/** The migrations of one owner: the mesh, or a service. */
export interface MigrationSet {
  /** `mesh`, or the service's name. */
  readonly name: string;
  readonly migrations: readonly Migration[];
}

/**
 * Reads a folder of migrations. Needs permission to read that folder and nothing else.
 *
 * @param name Whose they are; the ledger keeps sets apart by it.
 * @param folder `new URL("./migrations/", import.meta.url)`; absent folders have no migrations.
 * @throws {ConfigError} If a file in it is not named like `0001_tables.sql`, or two share a number.
 */
export async function readMigrations(name: string, folder: URL): Promise<MigrationSet> {
  const names = await listFiles(folder);
  const misnamed = names.filter((file) => !/^\d{4}_[a-z0-9_]+\.sql$/.test(file));
  const repeated = names.filter((file, at) => names[at - 1]?.slice(0, 4) === file.slice(0, 4));
  if (misnamed.length + repeated.length > 0) {
    const faults = [
      ...misnamed.map((file) => `"${file}" is misnamed`),
      ...repeated.map((f) => `"${f}" repeats a number`),
    ];
    throw new ConfigError(`Cannot read the migrations of "${name}": ${faults.join(", ")}`);
  }
  const migrations = await Promise.all(names.map(async (file) => {
    const sql = await Deno.readTextFile(new URL(file, folder));
    return { name: file, sql, hash: sha256(sql) };
  }));
  return { name, migrations };
}

/** Reads the migrations of the store itself, which every service's database needs. */
export function readMeshMigrations(): Promise<MigrationSet> {
  return readMigrations("mesh", new URL("../migrations/", import.meta.url));
}

async function listFiles(folder: URL): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
