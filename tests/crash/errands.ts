import { systemClock, systemIds, UnavailableError } from "@mesh/base";
import { seedAccounts } from "@jangteo/deploy/dev/seed-accounts";
import type { TestShop } from "../e2e/harness/mod.ts";
import { logIn, newCustomer, type Visitor } from "../e2e/storefront/mod.ts";

/** Between two errands: often enough that every process has work, seldom enough to leave the machine to the orders. */
const everyMs = 300;

/** 40: each comes seldom enough that a process has to load it after a start. */
const productCount = 40;

/**
 * What goes on in a shop beside its orders: people register, staff change a product and count it. Nobody minds if some of it
 * fails while something is away.
 */
export class Errands implements AsyncDisposable {
  readonly #shopUrl: string;
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #staff: Visitor | undefined;

  constructor({ shop }: TestShop) {
    this.#shopUrl = shop.url;
    this.#running = Promise.all([
      this.#repeat(everyMs, (index) => this.#changeProduct(index)),
      this.#repeat(3 * everyMs, () => newCustomer(this.#shopUrl).then(() => {})),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #repeat(everyMs: number, errand: (index: number) => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    for (let index = 0; !signal.aborted; index += 1) {
      try {
        await errand(index);
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.#staff = undefined;
      }
      await systemClock.delay(everyMs, signal);
    }
  }

  /** Products that nobody orders, so that no price changes under an order. */
  async #changeProduct(index: number): Promise<void> {
    const staff = this.#staff ??= await logIn(this.#shopUrl, seedAccounts.find(({ role }) => role === "staff")!);
    const about = `/v1/staff/products/CUP-${String(index % productCount).padStart(4, "0")}`;
    const headers = () => ({ "idempotency-key": systemIds().next() });
    const product = { name: "A cup", description: "", priceMinor: 900 + index % 50, currency: "EUR", isListed: true };
    const count = { warehouse: "busan", unitsOnHand: 100 + index % 7 };
    const [put, counted] = await Promise.all([
      staff.request("PUT", about, { headers: headers(), body: product }),
      staff.request("POST", `${about}/stock-counts`, { headers: headers(), body: count }),
    ]);
    if (put.status !== 202 || counted.status !== 202) this.#staff = undefined;
  }
}
