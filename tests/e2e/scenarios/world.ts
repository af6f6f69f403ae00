import { seedAccounts } from "@jangteo/deploy/dev/seed-accounts";
import type { TestShop } from "../harness/mod.ts";
import { type Customer, logIn, newCustomer, stock, type StockedProduct, type Visitor } from "../storefront/mod.ts";

/** A shop that many scenarios share, and what they leave behind for the final count. */
export interface World extends TestShop {
  readonly staff: Visitor;
  readonly operator: Visitor;
  /** Registers somebody whose orders are counted in the end. */
  customer(): Promise<Customer>;
  /** Puts a product on sale, with its stock counted. */
  stock(product: StockedProduct): Promise<void>;
  /** Sets what a party outside does to requests; everything that is not named is off. */
  misbehave(party: Party, switches: Readonly<Record<string, number>>): Promise<void>;
  /** What the scenarios did and the final count must know. */
  readonly done: Done;
}

/** A party outside the shop. */
export type Party = "payment" | "carrier" | "mailPage";

/** What the scenarios did. */
export interface Done {
  readonly accepted: Set<string>;
  readonly doomedDigests: Set<string>;
  readonly hostileDigests: Set<string>;
}

/** One scenario; its name is a sentence about the shop. */
export interface Scenario {
  readonly name: string;
  readonly run: (world: World) => Promise<void>;
}

/** Makes a world of a seeded shop. */
export async function openWorld(test: TestShop): Promise<World> {
  const { shop, records } = test;
  const done: Done = { accepted: new Set(), doomedDigests: new Set(), hostileDigests: new Set() };
  const seeded = (name: string) => {
    const account = seedAccounts.find(({ role }) => role === name)!;
    return logIn(shop.url, account);
  };
  const [staff, operator] = await Promise.all([seeded("staff"), seeded("operator")]);
  return {
    ...test,
    staff,
    operator,
    done,
    customer: () => newCustomer(shop.url, { onAccepted: (orderId) => done.accepted.add(orderId) }),
    stock: (product) =>
      stock(staff, product, async () => {
        const counts = await records.events("inventory", { type: "inventory.stock-counted" });
        return counts.some(({ data }) => data.sku === product.sku);
      }),
    misbehave: async (party, switches) => {
      const url = `http://127.0.0.1:${shop.ports[party]}/_simulator/switches`;
      const response = await fetch(url, { method: "PUT", body: JSON.stringify(switches) });
      if (!response.ok) throw new Error(`Cannot set switches of ${party}: ${await response.text()}`);
      await response.body?.cancel();
    },
  };
}
