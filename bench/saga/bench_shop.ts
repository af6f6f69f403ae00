import { systemClock, systemIds } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import { shopClient } from "@jangteo/deploy/demo/shop-client";
import { countStock, type Customer, joinShop, listProducts, putProduct } from "@jangteo/deploy/demo/storefront";
import { seedAccounts } from "@jangteo/deploy/dev/seed-accounts";
import { type Shop, type ShopOptions, startShop } from "@jangteo/deploy/dev/start-shop";

/** A shop to be measured. */
export interface BenchShop extends AsyncDisposable {
  readonly shop: Shop;
  /** Warnings and errors that its processes have logged. */
  readonly complaints: readonly string[];
}

/** What is sold in a bench. */
export interface BenchGoods {
  readonly customers: readonly Customer[];
  readonly skus: readonly string[];
  /** Units of each SKU that were there at the beginning. */
  readonly unitsPerSku: number;
  readonly priceMinor: number;
}

/** What nobody reaches: the bench measures orders, not the limits that protect a shop from its customers. */
const unlimited = "1000000";
const gatewayLimits = {
  GATEWAY_RATE_IP_PER_SECOND: unlimited,
  GATEWAY_RATE_IP_BURST: unlimited,
  GATEWAY_RATE_ACCOUNT_PER_SECOND: unlimited,
  GATEWAY_RATE_ACCOUNT_BURST: unlimited,
  GATEWAY_RATE_CREDENTIAL_PER_SECOND: unlimited,
  GATEWAY_RATE_CREDENTIAL_BURST: unlimited,
  GATEWAY_UNANSWERED_MAX: unlimited,
};

const complaintsMax = 1_000;

/** Starts servers and a shop of its own; everything is removed when it is disposed of. */
export async function openBenchShop(log: (line: string) => void): Promise<BenchShop> {
  const folder = await Deno.makeTempDir({ prefix: "jangteo-bench-" });
  // The servers' own account must reach its data below.
  await Deno.chmod(folder, 0o711);
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => Deno.remove(folder, { recursive: true }));
  // Never those of the environment: what others do there would be measured, too.
  const infra = cleanUp.use(
    await startInfra({ wants: ["rabbitmq", "postgres"], stateDir: `${folder}/servers`, keep: false, mode: "local" }),
  );
  log("servers are ready");
  const opened = cleanUp.use(await openShopOn({ folder, infra }));
  log(`shop is ready at ${opened.shop.url}`);
  const all = cleanUp.move();
  return { ...opened, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Starts a shop to be measured on servers that are there. */
export async function openShopOn(
  place: Pick<ShopOptions, "folder" | "infra" | "vhost" | "databasePrefix">,
): Promise<BenchShop> {
  const complaints: string[] = [];
  const shop = await startShop({
    ...place,
    isSeeded: true,
    logLevel: "warning",
    extra: { gateway: gatewayLimits },
    onLine: (service, line) => {
      if (service !== "simulators" && complaints.length < complaintsMax) complaints.push(`${service} ${line}`);
    },
  });
  return { shop, complaints, [Symbol.asyncDispose]: () => shop.stop() };
}

/** Puts goods on the shelves of a new shop and customers in front of them. */
export async function provideGoods(
  { url }: Shop,
  { customers, skus, unitsPerSku }: { readonly customers: number; readonly skus: number; readonly unitsPerSku: number },
): Promise<BenchGoods> {
  const ids = systemIds();
  const client = shopClient({ baseUrl: url, clock: systemClock, ids });
  const staff = await client.logIn(seedAccounts.find(({ role }) => role === "staff")!);
  const names = Array.from({ length: skus }, (_, index) => `BEN-${String(index).padStart(4, "0")}`);
  const priceMinor = 1_250;
  for (const sku of names) {
    await countStock(staff, { sku, unitsOnHand: unitsPerSku });
    await putProduct(staff, { sku, name: sku, description: "", priceMinor, currency: "EUR" });
  }
  const joined: Customer[] = [];
  for (let number = 0; number < customers; number += 1) {
    joined.push(await joinShop(client, { email: `${ids.next()}@bench.test`, password: "a-long-enough-secret" }));
  }
  for (;;) {
    const listed = new Set((await listProducts(client)).map(({ sku }) => sku));
    if (names.every((sku) => listed.has(sku))) break;
    await systemClock.delay(50);
  }
  return { customers: joined, skus: names, unitsPerSku, priceMinor };
}
