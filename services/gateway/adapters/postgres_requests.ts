import type postgres from "postgres";
import type { CommitResult, TurnWrites } from "@mesh/store";
import type { OrderLine } from "../projections/order_row.ts";
import type { AcceptedOrder, KnownRequest, RequestRef, Requests, StoredAnswer } from "../requests.ts";
import { LoadTogether } from "@mesh/base";
import { AcceptTogether } from "./accept_together.ts";
import { requestKnown, underWay } from "./memory_requests.ts";

/** The part of the store that is needed here. */
export interface Database {
  /** Runs one statement or one transaction and translates what the driver throws. */
  run<T>(what: string, work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T>;
  /** Commits a turn together with statements of one's own. */
  commitWith(
    writes: TurnWrites,
    participant: (sql: postgres.TransactionSql) => Promise<void>,
  ): Promise<CommitResult>;
}

interface RequestRow {
  readonly account_id: string;
  readonly key: string;
  readonly route: string;
  readonly digest: string;
  readonly answer: StoredAnswer | null;
}

interface OrderRecord {
  readonly order_id: string;
  readonly customer_id: string;
  readonly accepted_at_ms: number;
  readonly address_ref: string;
  readonly currency: string;
  readonly total_minor: number;
  readonly lines: readonly OrderLine[];
}

/** Keys removed by one statement. */
const forgetCount = 5_000;

/**
 * Keeps the gateway's rows in the schema `gateway`.
 *
 * @param database Its role may read and write the tables of the schema.
 */
export function postgresRequests(database: Database): Requests {
  const together = new AcceptTogether((writes, participant) => database.commitWith(writes, participant));
  const orders = new LoadTogether((keys) => findOrders(database, keys));
  const addresses = new LoadTogether((keys) => findAddresses(database, keys));
  return {
    find: async (accountId, key) => {
      const [row] = await database.run("find a request", (sql) =>
        sql<RequestRow[]>`
          select account_id, key, route, digest, answer from gateway.request
          where account_id = ${accountId} and key = ${key}`);
      return row === undefined ? undefined : requestFrom(row);
    },
    accept: (writes, acceptance) => together.accept(writes, acceptance),
    claim: (request, leaseMs) => claim(database, request, leaseMs),
    settle: (request, answer, addressRef) =>
      database.run("settle a request", async (sql) => {
        await sql.begin(async (transaction) => {
          await transaction`
            update gateway.request set answer = ${json(answer)}::text::json
            where account_id = ${request.accountId} and key = ${request.key}`;
          if (addressRef !== undefined) await insertAddresses(transaction, request.accountId, [addressRef]);
        });
      }),
    release: async ({ accountId, key }) => {
      await database.run("release a request", (sql) =>
        sql`
          delete from gateway.request
          where account_id = ${accountId} and key = ${key} and answer is null`);
    },
    findOrder: (customerId, orderId) => orders.find(`${customerId} ${orderId}`),
    listOrders: async (customerId, { before, limit }) => {
      const rows = await database.run("list orders", (sql) =>
        sql<OrderRecord[]>`
          select * from gateway.accepted_order
          where customer_id = ${customerId} ${before === undefined ? sql`` : sql`and order_id < ${before}`}
          order by order_id desc limit ${limit}`);
      return rows.map(orderFrom);
    },
    isAddressOf: async (customerId, addressRef) => await addresses.find(`${customerId} ${addressRef}`) !== undefined,
    noteAddresses: async (customerId, addressRefs) => {
      if (addressRefs.length === 0) return;
      await database.run("note addresses", (sql) => insertAddresses(sql, customerId, addressRefs));
    },
    forgetRequests: (ageMs) => forgetRequests(database, ageMs),
  };
}

/** @param keys Of customer and order: whose an order is stands in the query. */
async function findOrders(database: Database, keys: readonly string[]): Promise<ReadonlyMap<string, AcceptedOrder>> {
  const rows = await database.run("find orders", (sql) =>
    sql<OrderRecord[]>`
      select a.* from json_to_recordset(${pairs(keys)}::text::json) as k (owner uuid, id uuid)
      join gateway.accepted_order a on a.order_id = k.id and a.customer_id = k.owner`);
  return new Map(rows.map((row) => [`${row.customer_id} ${row.order_id}`, orderFrom(row)]));
}

/** @param keys Of customer and address. */
async function findAddresses(database: Database, keys: readonly string[]): Promise<ReadonlyMap<string, true>> {
  const rows = await database.run("find addresses", (sql) =>
    sql<{ address_ref: string; customer_id: string }[]>`
      select a.address_ref, a.customer_id from json_to_recordset(${pairs(keys)}::text::json) as k (owner uuid, id uuid)
      join gateway.known_address a on a.address_ref = k.id and a.customer_id = k.owner`);
  return new Map(rows.map((row) => [`${row.customer_id} ${row.address_ref}`, true]));
}

function pairs(keys: readonly string[]): string {
  return json(keys.map((key) => {
    const [owner, id] = key.split(" ");
    return { owner, id };
  }));
}

/** A claim whose lease has ended is free for the same request: whoever held it has died. */
async function claim(database: Database, request: RequestRef, leaseMs: number): Promise<void> {
  const { accountId, key, route, digest } = request;
  const rows = await database.run("claim a request", (sql) =>
    sql`
      insert into gateway.request as known (account_id, key, route, digest, created_at_ms, lease_until_ms)
      values (${accountId}, ${key}, ${route}, ${digest}, mesh.now_ms(), mesh.now_ms() + ${leaseMs}::bigint)
      on conflict (account_id, key) do update set lease_until_ms = excluded.lease_until_ms
      where known.answer is null and known.lease_until_ms <= mesh.now_ms()
        and known.route = excluded.route and known.digest = excluded.digest
      returning 1`);
  if (rows.length > 0) return;
  const [known] = await database.run("find a request", (sql) =>
    sql<{ answer: unknown; is_leased: boolean }[]>`
      select answer, lease_until_ms > mesh.now_ms() as is_leased from gateway.request
      where account_id = ${accountId} and key = ${key}`);
  throw known !== undefined && known.answer === null && known.is_leased ? underWay(request) : requestKnown(request);
}

async function insertAddresses(
  sql: postgres.ISql,
  customerId: string,
  addressRefs: readonly string[],
): Promise<void> {
  await sql`
    insert into gateway.known_address (address_ref, customer_id)
    select r.ref::uuid, ${customerId}::uuid from json_array_elements_text(${json(addressRefs)}::text::json) as r (ref)
    on conflict (address_ref) do nothing`;
}

async function forgetRequests(database: Database, ageMs: number): Promise<number> {
  let all = 0;
  for (;;) {
    const { count } = await database.run("forget requests", (sql) =>
      sql`
        delete from gateway.request where ctid = any (array(
          select ctid from gateway.request where created_at_ms < mesh.now_ms() - ${ageMs}::bigint limit ${forgetCount}
        ))`);
    all += count;
    if (count < forgetCount) return all;
  }
}

/** As text, because the driver would otherwise guess the type of the parameter. */
function json(value: unknown): string {
  return JSON.stringify(value);
}

function requestFrom({ account_id, key, route, digest, answer }: RequestRow): KnownRequest {
  return { accountId: account_id, key, route, digest, ...(answer === null ? {} : { answer }) };
}

function orderFrom(row: OrderRecord): AcceptedOrder {
  return {
    orderId: row.order_id,
    customerId: row.customer_id,
    addressRef: row.address_ref,
    currency: row.currency,
    totalMinor: row.total_minor,
    lines: row.lines,
    acceptedAtMs: row.accepted_at_ms,
  };
}
