import { Hono } from "hono";
import { type CryptoKey, jwtVerify } from "jose";
import { type IdSource, sha256, systemClock } from "@mesh/base";
import { noWrites, type PostgresStore } from "@mesh/store";
import { PlaceOrder } from "@shop/orders";
import { postgresRequests } from "../adapters/postgres_requests.ts";
import { orderReader } from "../order_reader.ts";
import { readModels } from "../read_models.ts";
import { NewOrder } from "../routes/place_order.ts";
import { priceEvents } from "../samples_fixture.ts";
import type { SignCommand } from "./contender.ts";

/** What the bare handlers stand on. */
export interface BareParts {
  readonly store: PostgresStore;
  readonly ids: IdSource;
  readonly issuer: string;
  readonly audience: string;
  readonly key: CryptoKey | Uint8Array;
  readonly signCommand: SignCommand;
}

/** Known beforehand: a bare handler looks up no price. */
const prices: Readonly<Record<string, { readonly unitPriceMinor: number; readonly priceEventId: string }>> = {
  "TEA-0001": { unitPriceMinor: 499, priceEventId: priceEvents.tea },
  "CUP-0002": { unitPriceMinor: 998, priceEventId: priceEvents.cup },
};

/**
 * The least that does the same work: JWT check by `jose`, validation, signature and batched insert for writes, the query
 * and nothing else for reads. No limits, no prices or addresses looked up, no answers repeated, no problems, no tags.
 */
export function bareApp({ store, ids, issuer, audience, key, signCommand }: BareParts): Hono {
  const app = new Hono();
  const requests = postgresRequests(store);
  const models = readModels(store, systemClock);
  const orders = orderReader(requests, models);
  const subjectOf = async (header: string | undefined): Promise<string> => {
    const policy = { algorithms: ["EdDSA"], typ: "at+jwt", issuer, audience };
    return (await jwtVerify((header ?? "").slice("Bearer ".length), key, policy)).payload.sub!;
  };

  app.post("/v1/orders", async (context) => {
    const customerId = await subjectOf(context.req.header("authorization"));
    const asked = NewOrder.parse(await context.req.json());
    const { addressRef, paymentMethod } = asked;
    const lines = asked.lines.map(({ sku, units }) => ({ sku, units, ...prices[sku]! }));
    const totalMinor = lines.reduce((sum, { units, unitPriceMinor }) => sum + units * unitPriceMinor, 0);
    const [orderId, id] = [ids.next(), ids.next()];
    const purchase = { orderId, customerId, addressRef, lines, currency: "EUR" };
    const entry = signCommand(PlaceOrder({ ...purchase, paymentMethod }), { id, correlation: orderId });
    const body = { orderId, status: "accepted" };
    await requests.accept({ ...noWrites, outbox: [entry] }, {
      request: {
        accountId: customerId,
        key: context.req.header("idempotency-key")!,
        route: "POST /v1/orders",
        digest: sha256(JSON.stringify(asked)),
      },
      order: { ...purchase, totalMinor },
      answer: { status: 202, location: `/v1/orders/${orderId}`, body },
    });
    return context.json(body, 202);
  });

  app.get("/v1/orders", async (context) => {
    const customerId = await subjectOf(context.req.header("authorization"));
    return context.json(await orders.list(customerId, { limit: Number(context.req.query("limit")) + 1 }));
  });
  app.get("/v1/orders/:orderId", async (context) => {
    const customerId = await subjectOf(context.req.header("authorization"));
    return context.json(await findOrder(store, customerId, context.req.param("orderId")));
  });
  // The query alone: whoever asks is believed.
  app.get("/unchecked/:customerId/orders/:orderId", async (context) => {
    const { customerId, orderId } = context.req.param();
    return context.json(await findOrder(store, customerId, orderId));
  });
  app.get("/v1/products", async (context) => context.json(await models.listProducts({ limit: 51 })));
  return app;
}

/** All that is known of an order, in one statement. */
async function findOrder(store: PostgresStore, customerId: string, orderId: string): Promise<unknown> {
  const [found] = await store.run("find an order", (sql) =>
    sql`
      select a.*, p.row, p.seen from gateway.accepted_order a
      left join mesh.projection p on p.projection = 'orders' and p.generation = 1 and p.key = a.order_id::text
      where a.order_id = ${orderId} and a.customer_id = ${customerId}`);
  return found;
}
