/**
 * The whole shop as a contender: a saga is an order, placed over HTTP by a customer, until it is confirmed. With all ten
 * services, audit log and read models; the outside parties are simulated.
 *
 * @module
 */
import { type Infra, startInfra, urlFromManagement } from "@mesh/testing/infra";
import { placeOrder } from "@jangteo/deploy/demo/storefront";
import type { Contender } from "../../contender/contender.ts";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { serveContender } from "../../contender/serve_contender.ts";
import { openShopOn, provideGoods } from "../../saga/bench_shop.ts";
import { faultsOfShop } from "../../saga/judge_shop.ts";
import { untilQuiet } from "../../saga/measure_load.ts";
import { countShopWork } from "../../work/shop_work.ts";
import { OrderEnds, ShopBooks } from "../../saga/shop_books.ts";

/** As in the bench of the shop alone; enough units for any run. */
const goodsPlan = { customers: 8, skus: 12, unitsPerSku: 1_000_000 };

async function openShop(setup: ContenderSetup): Promise<Contender> {
  const { folder, vhost, databasePrefix } = setup;
  const { shop, complaints } = await openShopOn({ folder, vhost, databasePrefix, infra: await serversOf(setup) });
  const books = new ShopBooks(shop);
  const ends = new OrderEnds(books);
  const stopping = new AbortController();
  const watching = ends.run(stopping.signal);
  const goods = await provideGoods(shop, goodsPlan);
  const orders: { readonly orderId: string; readonly sku: string; readonly end: string }[] = [];
  let next = 0;
  let told = 0;
  return {
    processes: {
      services: shop.serviceNames.map((name) => shop.child(name).pid),
      // Customers, carrier and payment provider are outside.
      driver: [Deno.pid, shop.child("simulators").pid],
    },
    runSaga: async () => {
      const number = next++;
      const sku = goods.skus[number % goods.skus.length]!;
      const customer = goods.customers[number % goods.customers.length]!;
      const orderId = await placeOrder(customer, { lines: [{ sku, units: 1 }], paymentMethod: "pm_card_visa" });
      const end = await Promise.race([ends.until(orderId), watching]);
      orders.push({ orderId, sku, end: String(end) });
      if (end !== "orders.order-confirmed") throw new Error(`Order ${orderId} ended with ${end}`);
    },
    judge: async (sagas) => {
      await untilQuiet(books);
      for (; told < complaints.length; told += 1) console.error(complaints[told]);
      return [
        ...(orders.length === sagas ? [] : [`${orders.length} of ${sagas} orders have ended`]),
        ...await faultsOfShop({ shop, books, goods }, orders),
      ];
    },
    countWork: async () => {
      const count = await countShopWork(shop, books, setup.amqpUrl);
      return async () => {
        await using counted = count;
        return await counted.read();
      };
    },
    stop: async () => {
      stopping.abort();
      await watching.catch(() => {});
      await books[Symbol.asyncDispose]();
      await shop.stop();
    },
  };
}

/** The servers of the bench, as servers that somebody else runs. */
async function serversOf({ amqpUrl, management, postgresUrl }: ContenderSetup): Promise<Infra> {
  const env = {
    MESH_AMQP_URL: amqpUrl,
    MESH_RABBITMQ_MANAGEMENT_URL: urlFromManagement(management),
    MESH_POSTGRES_URL: postgresUrl,
  };
  return await startInfra({ wants: ["rabbitmq", "postgres"], mode: "external", env });
}

if (import.meta.main) await serveContender(openShop);
