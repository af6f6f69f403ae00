import { systemClock, systemIds } from "@mesh/base";
import postgres from "postgres";
import {
  maintainInbox,
  migrate,
  type ProvisionedService,
  provisionService,
  readMeshMigrations,
} from "../migrate/mod.ts";
import type { ConnectionOptions } from "../postgres/connection.ts";
import { PostgresStore } from "../postgres/postgres_store.ts";
import type { StoreSubject } from "./subject.ts";

/** A migrated database of its own on a server, and an administrator's connection to it. */
export class PostgresFixture implements AsyncDisposable {
  readonly service: ProvisionedService;
  /** As superuser: sees and may do everything. */
  readonly admin: postgres.Sql;
  readonly #adminUrl: string;
  readonly #stores: PostgresStore[] = [];

  private constructor(service: ProvisionedService, adminUrl: string) {
    this.service = service;
    this.#adminUrl = adminUrl;
    const url = new URL(adminUrl);
    url.pathname = `/${service.database}`;
    this.admin = postgres(url.href, { max: 2, onnotice: () => {} });
  }

  /** Creates a database under a name that nobody else has. */
  static async create(server: { readonly adminUrl: string }): Promise<PostgresFixture> {
    const prefix = `t${systemIds().next().replaceAll("-", "").slice(4)}-`;
    const { adminUrl } = server;
    const service = await provisionService({ adminUrl, service: "store", password: "runtime", prefix });
    const { ownerUrl: url, ownerRole: role, runtimeRole } = service;
    await migrate({ url, role, runtimeRole, sets: [await readMeshMigrations()] });
    await maintainInbox({ url, role });
    return new PostgresFixture(service, adminUrl);
  }

  /** Opens a store as the runtime role; disposed of with the next `clear`. */
  openStore(some: Partial<ConnectionOptions> = {}): PostgresStore {
    const store = new PostgresStore({ url: this.service.url, clock: systemClock, ...some });
    this.#stores.push(store);
    return store;
  }

  /** Closes all stores and empties all tables. */
  async clear(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store[Symbol.asyncDispose]()));
    const tables = await this.admin<{ name: string }[]>`
      select tablename as name from pg_tables
      where schemaname = 'mesh' and tablename not in ('migration', 'feed_epoch', 'lane_version') and tablename !~ '^inbox_'`;
    // Deleting a few rows is much faster than truncating, which makes new files.
    await this.admin.unsafe(tables.map(({ name }) => `delete from mesh.${name};`).join("\n"));
  }

  /** A subject for the conformance cases. */
  subject(): StoreSubject {
    return {
      store: this.openStore(),
      openReplica: () => this.openStore(),
      advance: (durationMs) => this.advance(durationMs),
      ids: systemIds(),
    };
  }

  /** Lets time pass by moving everything that is stored into the past. */
  async advance(durationMs: number): Promise<void> {
    const columns = await this.admin<{ table: string; column: string }[]>`
      select table_name as "table", column_name as "column" from information_schema.columns
      where table_schema = 'mesh' and column_name like '%\_ms' and table_name !~ '^inbox_'`;
    const shift = columns.map(({ table, column }) =>
      `update mesh.${table} set ${column} = ${column} - ${durationMs} where ${column} is not null`
    );
    await this.admin.begin((sql) => shift.map((statement) => sql.unsafe(statement)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await this.admin.end();
    const server = postgres(this.#adminUrl, { max: 1 });
    await server`drop database ${server(this.service.database)} with (force)`;
    await server`drop role ${server(this.service.runtimeRole)}, ${server(this.service.ownerRole)}`;
    await server.end();
  }
}
