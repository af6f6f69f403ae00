import postgres from "postgres";
import type { Shop } from "@jangteo/deploy/dev/start-shop";

/** One recorded event. */
export interface RecordedEvent {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly correlation: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly envelope: string;
}

/** One dead letter. */
export interface RecordedDeath {
  readonly service: string;
  readonly class: string;
  readonly reason: string;
  readonly detail: string;
  readonly type: string;
  readonly status: string;
}

/** What the services have written down, read behind their backs. */
export class ShopRecords implements AsyncDisposable {
  readonly #shop: Shop;
  readonly #databases = new Map<string, postgres.Sql>();

  constructor(shop: Shop) {
    this.#shop = shop;
  }

  /** A service's database, as administrator. */
  sql(service: string): postgres.Sql {
    const known = this.#databases.get(service);
    if (known !== undefined) return known;
    const url = new URL(this.#shop.infra.postgres.adminUrl);
    url.pathname = new URL(this.#shop.environmentOf(service).MESH_POSTGRES_URL!).pathname;
    const sql = postgres(url.href, { max: 1, onnotice: () => {}, types: { bigint } });
    this.#databases.set(service, sql);
    return sql;
  }

  /** Events of a service, oldest first. */
  async events(service: string, filter: { readonly type?: string; readonly correlation?: string } = {}) {
    const { type = null, correlation = null } = filter;
    return await this.sql(service)<RecordedEvent[]>`
      select id, stream, version, type, correlation, data, envelope from mesh.event
      where (${type}::text is null or type = ${type}) and (${correlation}::text is null or correlation = ${correlation})
      order by position`;
  }

  /** Dead letters of all services that run. */
  async deadLetters(): Promise<readonly RecordedDeath[]> {
    const found = await Promise.all(this.#shop.serviceNames.map((service) =>
      this.sql(service)<RecordedDeath[]>`
        select ${service} as service, class, reason, detail, type, status from mesh.dead_letter order by id`
    ));
    return found.flat();
  }

  /** Rows that wait to be published or answered, by service; empty once all is quiet. */
  async unsettled(): Promise<Readonly<Record<string, number>>> {
    const found = await Promise.all(this.#shop.serviceNames.map(async (service) => {
      const [row] = await this.sql(service)<{ count: number }[]>`
        select (select count(*) from mesh.outbox) + (select count(*) from mesh.effect) as count`;
      return [service, row?.count ?? 0] as const;
    }));
    return Object.fromEntries(found.filter(([, count]) => count > 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#databases.values()].map((sql) => sql.end({ timeout: 1 })));
    this.#databases.clear();
  }
}

/** Counts and positions fit into numbers. */
const bigint = { to: 20, from: [20], parse: Number, serialize: String };
