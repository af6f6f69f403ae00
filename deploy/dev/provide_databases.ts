import { sha256 } from "@mesh/base";
import { type MigrationSet, provisionService, readDatabaseMarks, writeDatabaseMark } from "@mesh/store/migrate";
import type { PostgresServer } from "@mesh/testing/infra";
import { digestOfMigrations, migrateService, readServiceMigrations } from "../migrations.ts";
import { services } from "../topology.ts";
import type { ShopSecrets } from "./shop_secrets.ts";

/** Which databases to bring about. */
export interface DatabasesPlan {
  readonly postgres: Pick<PostgresServer, "adminUrl">;
  readonly secrets: ShopSecrets;
  /** Put before database names, so that shops can share a server. */
  readonly databasePrefix: string;
  readonly nowMs: number;
  readonly log: (line: string) => void;
}

/** 86,400,000 ms. */
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Brings about a database, its roles and its tables for every service. What was done before, on the same day and with
 * the same migrations, is not done again: a note in the database itself says so.
 *
 * @returns URL of each service's database, for the role that it runs as.
 * @throws {ConfigError} If a migration has changed after it was applied.
 */
export async function provideDatabases(plan: DatabasesPlan): Promise<Readonly<Record<string, string>>> {
  const { postgres: { adminUrl }, secrets, databasePrefix, nowMs } = plan;
  const marks = await readDatabaseMarks(adminUrl);
  const urls = await Promise.all(services.map(async ({ name }) => {
    const sets = await readServiceMigrations(name);
    const password = secrets.services[name]!.database;
    // The day, because the inbox gets partitions for the days that come.
    const mark = `jangteo ${sha256([digestOfMigrations(sets), password, Math.floor(nowMs / dayMs)].join(" "))}`;
    const database = `${databasePrefix}${name}`;
    if (marks[database] !== mark) {
      await provideDatabase(plan, name, sets);
      await writeDatabaseMark(adminUrl, database, mark);
    }
    return [name, urlOf(adminUrl, database, password)] as const;
  }));
  return Object.fromEntries(urls);
}

async function provideDatabase(plan: DatabasesPlan, service: string, sets: readonly MigrationSet[]): Promise<void> {
  const { postgres: { adminUrl }, secrets, databasePrefix: prefix, log } = plan;
  const { ownerUrl, ownerRole, runtimeRole } = await provisionService({
    adminUrl,
    service,
    password: secrets.services[service]!.database,
    prefix,
  });
  const applied = await migrateService({ service, url: ownerUrl, role: ownerRole, runtimeRole }, sets);
  if (applied.length > 0) log(`applied ${applied.length} migrations to the database of ${service}`);
}

/** The runtime role bears the database's name. */
function urlOf(adminUrl: string, database: string, password: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  url.username = database;
  url.password = password;
  return url.href;
}
