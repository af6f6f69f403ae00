import { type IdSource, type Json, systemClock } from "@mesh/base";
import type { Projection } from "@mesh/runtime";
import { noWrites, PostgresStore, type ProjectionRow } from "@mesh/store";
import { migrate, provisionService, readMeshMigrations, readMigrations } from "@mesh/store/migrate";
import { postgresRequests } from "../adapters/postgres_requests.ts";
import { projectedFrom, type Told } from "../gateway_fixture.ts";
import { orders } from "../projections/orders.ts";
import { products } from "../projections/products.ts";
import { completingOrder, productEvents } from "../samples_fixture.ts";

/** A customer of the bench, with an address and orders that have ended. */
export interface BenchCustomer {
  readonly customerId: string;
  readonly addressRef: string;
  readonly orderIds: readonly string[];
}

/** The gateway's database, filled. */
export interface BenchDatabase {
  /** As the role that the service runs as. */
  readonly url: string;
  readonly customers: readonly BenchCustomer[];
  /** Removes what the writes have left, so that every round finds the same tables. */
  clearWrites(): Promise<void>;
}

/** As many as have an order in flight when the shop is busy. */
const customerCount = 64;

/** Orders that a customer looks back at. */
const ordersPerCustomer = 30;

/** Makes a database and fills it with products and orders through the service's own code. */
export async function fillDatabase(
  server: { readonly adminUrl: string },
  ids: IdSource,
): Promise<BenchDatabase> {
  const password = ids.next();
  const prefix = `b${password.slice(-8)}_`;
  const made = await provisionService({ ...server, service: "gateway", password, prefix });
  const sets = [
    await readMeshMigrations(),
    await readMigrations("gateway", new URL("../migrations/", import.meta.url)),
  ];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  await using store = new PostgresStore({ url: made.url, clock: systemClock });
  await store.commit({ ...noWrites, rows: rowsOf(products, productEvents) });
  const customers: BenchCustomer[] = [];
  for (let count = 0; count < customerCount; count += 1) customers.push(await fillCustomer(store, ids));
  return { url: made.url, customers, clearWrites: () => clearWrites({ ...server, database: made.database }) };
}

async function fillCustomer(store: PostgresStore, ids: IdSource): Promise<BenchCustomer> {
  const [customerId, addressRef] = [ids.next(), ids.next()];
  const requests = postgresRequests(store);
  await requests.noteAddresses(customerId, [addressRef]);
  const orderIds = Array.from({ length: ordersPerCustomer }, () => ids.next());
  await Promise.all(orderIds.map((orderId) =>
    requests.accept(noWrites, {
      request: { accountId: customerId, key: orderId, route: "POST /v1/orders", digest: "" },
      answer: { status: 202, body: null },
      order: { orderId, customerId, addressRef, currency: "EUR", totalMinor: 998, lines: [] },
    })
  ));
  const told = orderIds.flatMap((orderId) => Object.values(completingOrder(orderId, customerId)).flat());
  await store.commit({ ...noWrites, rows: rowsOf(orders, told) });
  return { customerId, addressRef, orderIds };
}

/** @returns What a projection makes of events that it hears from the first on. */
function rowsOf<Row>(projection: Projection<Row>, told: readonly Told[]): readonly ProjectionRow[] {
  const known = new Map<string, { row: Row; seen: Record<string, number> }>();
  for (const each of told) {
    const event = projectedFrom(each);
    const key = projection.keyOf(event);
    if (key === undefined) continue;
    const entry = known.get(key) ?? { row: projection.initialRow(key), seen: {} };
    entry.row = projection.apply(entry.row, event);
    entry.seen[each.stream] = each.position;
    known.set(key, entry);
  }
  return [...known].map(([key, { row, seen }]) => ({
    projection: projection.name,
    generation: 1,
    key,
    owner: projection.ownerOf(row),
    sort: projection.sortOf(row, key),
    seen,
    row: row as Json,
    revision: 0,
  }));
}

/** As the administrator: the service itself may remove nothing of the kind. */
async function clearWrites({ adminUrl, database }: { readonly adminUrl: string; readonly database: string }) {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  await using store = new PostgresStore({ url: url.href, clock: systemClock, poolMax: 1 });
  await store.sql.unsafe("truncate mesh.outbox, gateway.request");
  await store.sql.unsafe("vacuum analyze");
}
