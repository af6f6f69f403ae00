import { systemClock, UnavailableError } from "@mesh/base";
import { seedAccounts } from "./seed_accounts.ts";

/** One product of a development shop, with what lies on its shelf. */
export interface SeedProduct {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** In cents. */
  readonly priceMinor: number;
  readonly unitsOnHand: number;
}

/** A dozen teas. The last one is nearly sold out, so that an order can be seen to fail. */
export const seedProducts: readonly SeedProduct[] = Object.freeze([
  tea(1, "Sencha Yame", "Green, steamed, from the south of Japan", 1290),
  tea(2, "Ujeon Hadong", "Green, picked before the first rain of April", 3450),
  tea(3, "Jeju Sejak", "Green, soft, from volcanic soil", 2190),
  tea(4, "Gyokuro Uji", "Green, shaded for three weeks", 3990),
  tea(5, "Darjeeling First Flush", "Black, light and flowery", 1890),
  tea(6, "Assam Mangalam", "Black, malty, takes milk", 1150),
  tea(7, "Tie Guan Yin", "Oolong, lightly baked", 1990),
  tea(8, "Dong Ding", "Oolong, roasted over charcoal", 2290),
  tea(9, "Bai Mu Dan", "White, with the scent of hay", 1690),
  tea(10, "Pu-Erh 2016", "Dark, aged, from old trees", 2790),
  tea(11, "Roasted Barley", "No tea at all, for the evening", 590),
  { ...tea(12, "Daejak Last Chest", "Green; three tins are left", 1490), unitsOnHand: 3 },
]);

function tea(number: number, name: string, description: string, priceMinor: number): SeedProduct {
  return {
    sku: `TEA-${String(number).padStart(4, "0")}`,
    name,
    description,
    priceMinor,
    unitsOnHand: 10_000,
  };
}

/** 30 s: everything is running already, and a dozen commands take a fraction of a second. */
const seedLimitMs = 30_000;

/**
 * Brings about the products of a development shop and their stock, over HTTP as staff would. A product that is there is
 * left as it is; each is counted before it is offered, so a process that dies in between leaves none without stock.
 *
 * @param url Where the gateway is.
 * @throws {UnavailableError} If the shop does not do it within 30 s.
 */
export async function putSeedProducts(url: string, log: (line: string) => void): Promise<void> {
  const known = await listSkus(url);
  const missing = seedProducts.filter(({ sku }) => !known.has(sku));
  if (missing.length === 0) return;
  log(`putting ${missing.length} products on the shelves`);
  const token = await logInAsStaff(url);
  await Promise.all(missing.map((product) => putProduct(url, token, product)));
  const deadlineMs = systemClock.monotonicMs() + seedLimitMs;
  for (;;) {
    const listed = await listSkus(url);
    if (missing.every(({ sku }) => listed.has(sku))) return;
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new UnavailableError(`Cannot seed products: the shop lists ${listed.size} after ${seedLimitMs} ms`);
    }
    await systemClock.delay(50);
  }
}

async function putProduct(url: string, token: string, { unitsOnHand, sku, ...product }: SeedProduct): Promise<void> {
  const about = `${url}/v1/staff/products/${sku}`;
  await write(`${about}/stock-counts`, token, { method: "POST", body: { warehouse: "busan", unitsOnHand } });
  await write(about, token, { method: "PUT", body: { ...product, currency: "EUR", isListed: true } });
}

async function write(
  url: string,
  token: string,
  { method, body }: { readonly method: string; readonly body: unknown },
): Promise<void> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new UnavailableError(`Cannot ${method} ${url}: ${response.status}, ${text.slice(0, 300)}`);
}

async function listSkus(url: string): Promise<ReadonlySet<string>> {
  const response = await fetch(`${url}/v1/products?limit=100`);
  if (!response.ok) throw new UnavailableError(`Cannot list products: ${response.status}, ${await response.text()}`);
  const { items } = await response.json() as { readonly items: readonly { readonly sku: string }[] };
  return new Set(items.map(({ sku }) => sku));
}

async function logInAsStaff(url: string): Promise<string> {
  const { email, password } = seedAccounts.find(({ role }) => role === "staff")!;
  const response = await fetch(`${url}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const body = await response.json();
  if (!response.ok) {
    throw new UnavailableError(`Cannot log in as ${email}: ${response.status}, ${JSON.stringify(body)}`);
  }
  return (body as { readonly accessToken: string }).accessToken;
}
