import { type Clock, type IdSource, UnavailableError } from "@mesh/base";
import { type SeedAccount, seedAccounts } from "../dev/seed_accounts.ts";
import { seedProducts } from "../dev/seed_products.ts";
import { type Cast, type Outcome, playScenario, type Spectator } from "./play_scenario.ts";
import { scenarios } from "./scenarios.ts";
import { type ShopClient, shopClient, type Visitor } from "./shop_client.ts";
import { countStock, joinShop, listProducts, type Product, putProduct } from "./storefront.ts";

/** What the demo needs from outside. */
export interface DemoParts {
  readonly baseUrl: string;
  readonly patienceMs: number;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly stage: Stage;
}

/** Shows what happens. */
export interface Stage {
  /** Everybody is there. */
  opened(who: { readonly email: string }, products: readonly Product[]): void;
  /** @returns Who watches the scenario. */
  begins(number: number): Spectator;
  ended(outcome: Outcome): void;
}

/** 15 s: goods are on the shelves within a fraction of a second. */
const shelfLimitMs = 15_000;

/**
 * Plays all scenarios, one after the other, with a new customer.
 *
 * @throws {UnavailableError} If the shop does not answer, or does not do what it has promised in time.
 * @throws {ShopRefusal} If it refuses something.
 */
export async function runDemo(parts: DemoParts): Promise<readonly Outcome[]> {
  const { baseUrl, patienceMs, clock, ids, stage } = parts;
  const client = shopClient({ baseUrl, clock, ids });
  const staff = await client.logIn(accountOf("staff"));
  const auditor = await client.logIn(accountOf("auditor"));
  const products = await putGoodsOnSale(client, staff, clock);
  const customer = await joinShop(client, { email: `demo-${ids.next()}@customers.test`, password: passwordFrom(ids) });
  stage.opened(customer, products);
  const cast: Cast = { client, customer, auditor, clock, patienceMs };
  const outcomes: Outcome[] = [];
  for (const [index, scenario] of scenarios.entries()) {
    for (const shelf of scenario.shelves) await countStock(staff, shelf);
    const outcome = await playScenario(scenario, cast, stage.begins(index));
    stage.ended(outcome);
    outcomes.push(outcome);
  }
  return outcomes;
}

function accountOf(role: SeedAccount["role"]): SeedAccount {
  return seedAccounts.find((account) => account.role === role)!;
}

/** Nobody logs in as this customer again. */
function passwordFrom(ids: IdSource): string {
  return `${ids.next()}-${ids.next()}`;
}

/** @returns What is on sale, once everything is that the scenarios sell. */
async function putGoodsOnSale(client: ShopClient, staff: Visitor, clock: Clock): Promise<readonly Product[]> {
  const wanted = new Set(scenarios.flatMap(({ order }) => order.lines.map(({ sku }) => sku)));
  const listed = new Set((await listProducts(client)).map(({ sku }) => sku));
  for (const { sku, name, description, priceMinor } of seedProducts) {
    if (!wanted.has(sku) || listed.has(sku)) continue;
    await putProduct(staff, { sku, name, description, priceMinor, currency: "EUR" });
  }
  const deadlineMs = clock.monotonicMs() + shelfLimitMs;
  for (;;) {
    const products = await listProducts(client);
    const onSale = new Set(products.map(({ sku }) => sku));
    if ([...wanted].every((sku) => onSale.has(sku))) return products;
    if (clock.monotonicMs() > deadlineMs) {
      throw new UnavailableError(`Cannot play: after ${shelfLimitMs} ms the shop does not sell what the demo orders`);
    }
    await clock.delay(50);
  }
}
