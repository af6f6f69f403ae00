import { systemClock } from "@mesh/base";
import postgres from "postgres";
import type { Shop } from "@jangteo/deploy/dev/start-shop";

/** An order that has ended. */
export interface OrderEnd {
  readonly orderId: string;
  /** `orders.order-confirmed`, `orders.order-rejected` or `orders.order-refused`. */
  readonly type: string;
}

/** Where a reader of the ends has come to in the events of `orders`. */
export interface EndsPlace {
  readonly xid: string;
  readonly position: number;
}

/** Before everything. */
export const firstPlace: EndsPlace = Object.freeze({ xid: "0", position: 0 });

/** Sums over the events of one SKU. */
export interface StockSums {
  readonly sku: string;
  readonly unitsReserved: number;
  readonly unitsReleased: number;
  readonly unitsShipped: number;
  /** As the last event of the SKU says. */
  readonly unitsFree: number;
}

/** Counts and positions fit into numbers. */
const bigint = { to: 20, from: [20], parse: Number, serialize: String };

/** Reads what the services of a shop have written down, behind their backs. */
export class ShopBooks implements AsyncDisposable {
  readonly #shop: Shop;
  readonly #databases = new Map<string, postgres.Sql>();

  constructor(shop: Shop) {
    this.#shop = shop;
  }

  /** Orders that have ended after a place, in the order in which they were recorded. */
  async readEnds(after: EndsPlace): Promise<{ readonly ends: readonly OrderEnd[]; readonly place: EndsPlace }> {
    // One process writes them, one transaction after the other, so nothing can appear behind the place.
    const rows = await this.#sql("orders")<{ xid: string; position: number; correlation: string; type: string }[]>`
      select xid::text as xid, position, correlation, type from mesh.event
      where (xid, position) > (${after.xid}::xid8, ${after.position}::bigint)
        and epoch = (select epoch from mesh.feed_epoch)
      order by epoch, xid, position limit 2000`;
    const ends = rows.filter(({ type }) => endings.has(type)).map(({ correlation, type }) => ({
      orderId: correlation,
      type,
    }));
    const last = rows.at(-1);
    return { ends, place: last === undefined ? after : { xid: last.xid, position: last.position } };
  }

  /** How many orders the gateway's read model shows in each status. */
  async readStatuses(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#sql("gateway")<{ status: string; count: number }[]>`
      select row->>'status' as status, count(*) as count from mesh.projection
      where projection = 'orders' group by 1`;
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  /** What became of every SKU's units. */
  async readStock(): Promise<readonly StockSums[]> {
    return await this.#sql("inventory")<StockSums[]>`
      select data->>'sku' as sku,
        coalesce(sum((data->>'units')::int) filter (where type = 'inventory.stock-reserved'), 0) as "unitsReserved",
        coalesce(sum((data->>'units')::int) filter (where type = 'inventory.stock-released'), 0) as "unitsReleased",
        coalesce(sum((data->>'units')::int) filter (where type = 'inventory.stock-shipped-out'), 0) as "unitsShipped",
        ((array_agg(data->>'unitsFree' order by version desc))[1])::int as "unitsFree"
      from mesh.event where data->>'sku' is not null group by 1`;
  }

  /** Dead letters of all services. */
  async countDeadLetters(): Promise<number> {
    return await this.#sum((sql) => sql`select count(*) as count from mesh.dead_letter`);
  }

  /** Messages and calls that are still under way, in all services. */
  async countUnsettled(): Promise<number> {
    return await this.#sum((sql) =>
      sql`select (select count(*) from mesh.outbox) + (select count(*) from mesh.effect) as count`
    );
  }

  /** Where the events of each service end now. */
  async readPositions(): Promise<ReadonlyMap<string, number>> {
    return new Map(
      await Promise.all(this.#shop.serviceNames.map(async (service) => {
        const [row] = await this.#sql(service)<[{ position: number }]>`
          select coalesce(max(position), 0)::bigint as position from mesh.event`;
        return [service, row.position] as const;
      })),
    );
  }

  /** Envelopes of all events that were recorded behind these places. */
  async readEnvelopes(after: ReadonlyMap<string, number>): Promise<readonly string[]> {
    const found = await Promise.all(
      [...after].map(([service, position]) =>
        this.#sql(service)<{ envelope: string }[]>`select envelope from mesh.event where position > ${position}::bigint`
      ),
    );
    return found.flatMap((rows) => rows.map(({ envelope }) => envelope));
  }

  /** The connection to one service's database. */
  database(service: string): postgres.Sql {
    return this.#sql(service);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#databases.values()].map((sql) => sql.end({ timeout: 1 })));
    this.#databases.clear();
  }

  async #sum(query: (sql: postgres.Sql) => Promise<readonly unknown[]>): Promise<number> {
    const found = await Promise.all(this.#shop.serviceNames.map((service) => query(this.#sql(service))));
    return found.reduce((sum, rows) => sum + (rows[0] as { count: number }).count, 0);
  }

  #sql(service: string): postgres.Sql {
    const known = this.#databases.get(service);
    if (known !== undefined) return known;
    const url = new URL(this.#shop.infra.postgres.adminUrl);
    url.pathname = new URL(this.#shop.environmentOf(service).MESH_POSTGRES_URL!).pathname;
    const sql = postgres(url.href, { max: 1, onnotice: () => {}, types: { bigint } });
    this.#databases.set(service, sql);
    return sql;
  }
}

const endings = new Set(["orders.order-confirmed", "orders.order-rejected", "orders.order-refused"]);

/** Tells whoever waits for an order that it has ended. */
export class OrderEnds {
  readonly #books: ShopBooks;
  readonly #seen = new Map<string, string>();
  readonly #waiting = new Map<string, (type: string) => void>();

  constructor(books: ShopBooks) {
    this.#books = books;
  }

  /** Looks every few milliseconds until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (let place = firstPlace; !signal.aborted;) {
      const found = await this.#books.readEnds(place);
      place = found.place;
      for (const { orderId, type } of found.ends) this.#note(orderId, type);
      await systemClock.delay(lookEveryMs, signal);
    }
  }

  /** @returns Type of the event that the order ended with. */
  async until(orderId: string): Promise<string> {
    const seen = this.#seen.get(orderId);
    if (seen !== undefined) return seen;
    return await new Promise((resolve) => this.#waiting.set(orderId, resolve));
  }

  #note(orderId: string, type: string): void {
    this.#seen.set(orderId, type);
    this.#waiting.get(orderId)?.(type);
    this.#waiting.delete(orderId);
  }
}

/** 5 ms: what a latency may be wrong by; one short query each, about 1 % of a core. */
const lookEveryMs = 5;
