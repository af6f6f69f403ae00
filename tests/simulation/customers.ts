import type { SeededRandom, Simulated, SimulatedMesh } from "@mesh/testing/simulation";
import { CountStock } from "@shop/inventory";
import { CancelOrder, PlaceOrder } from "@shop/orders";
import type { AnyCommand } from "@mesh/contract";

/** What customers were told, kept outside the shop. */
export interface Journal {
  readonly accepted: Set<string>;
  /** Requests whose last answer was none. */
  readonly unknown: Set<string>;
}

/** What customers need. */
export interface CustomersOptions {
  readonly simulated: Simulated;
  readonly mesh: SimulatedMesh;
  readonly random: SeededRandom;
  /** Draws ids of orders, customers and requests. */
  readonly newId: () => string;
  readonly orderCount: number;
  /** Time within which all orders are placed, in milliseconds. */
  readonly rushMs: number;
}

/** What somebody asks the gateway for. */
interface Request {
  /** Message id, and the request's own. */
  readonly id: string;
  readonly correlation: string;
  readonly command: AnyCommand;
  /** The order that it places. */
  readonly orderId?: string;
}

/** Stock-keeping units of the shop; the last one is scarce. */
export const skus = ["TEA-0001", "CUP-0002", "POT-0003", "BAG-0004"] as const;

const attemptsMax = 60;

/** Customers who place orders and sometimes cancel them, and a warehouse that counts. Patient: they ask until answered. */
export class Customers {
  readonly journal: Journal = { accepted: new Set(), unknown: new Set() };
  readonly #options: CustomersOptions;
  readonly #cancelledShare: number;
  #openCount = 0;

  constructor(options: CustomersOptions) {
    this.#options = options;
    this.#cancelledShare = options.random.pick([0.05, 0.05, 0.05, 0.4]);
  }

  /** Whether all have been answered. */
  get areDone(): boolean {
    return this.#openCount === 0;
  }

  /** Plans everything that they will do. */
  begin(): void {
    const { random, orderCount, rushMs, newId } = this.#options;
    for (const [at, sku] of skus.entries()) {
      const isScarce = at === skus.length - 1;
      const units = isScarce ? random.pick([12, 32, 64]) : 200;
      this.#count(sku, 50, units);
      // The same figure again: counts may come in any order, and none may find fewer units than are held.
      if (random.chance(0.3)) this.#count(sku, random.between(1_000, rushMs), units);
    }
    for (let count = 0; count < orderCount; count += 1) {
      this.#order({ orderId: newId(), customerId: newId() }, random.between(200, rushMs));
    }
  }

  #count(sku: string, atMs: number, unitsOnHand: number): void {
    const { newId } = this.#options;
    const id = newId();
    this.#ask(atMs, { id, correlation: id, command: CountStock({ sku, warehouse: "ams", unitsOnHand, countId: id }) });
  }

  #order(order: { readonly orderId: string; readonly customerId: string }, atMs: number): void {
    const { random, newId } = this.#options;
    const lineCount = random.pick([1, 1, 1, 2, 3]);
    const offset = random.below(skus.length);
    const lines = Array.from({ length: lineCount }, (_, at) => ({
      sku: skus[(offset + at) % skus.length]!,
      units: 1 + random.below(3),
      unitPriceMinor: 100 + random.below(5_000),
      priceEventId: newId(),
    }));
    const paymentMethod = random.pick([
      ...Array(14).fill("pm_good"),
      "pm_declined",
      "pm_uncapturable",
    ]);
    const correlation = order.orderId;
    const purchase = { ...order, addressRef: newId(), lines, currency: "EUR", paymentMethod };
    this.#ask(atMs, { id: newId(), correlation, command: PlaceOrder(purchase), orderId: order.orderId });
    if (random.chance(this.#cancelledShare)) {
      const cancelAtMs = atMs + random.between(5, random.pick([100, 1_000, 10_000]));
      this.#ask(cancelAtMs, { id: newId(), correlation, command: CancelOrder(order) });
    }
  }

  #ask(atMs: number, request: Request): void {
    this.#openCount += 1;
    this.#options.simulated.scheduler.after(atMs, undefined, () => this.#attempt(request, 1));
  }

  /** As the gateway does: the signed command and the request that led to it are one commit, and a repeat is known. */
  #attempt(request: Request, attempt: number): void {
    const { simulated: { scheduler, random }, mesh } = this.#options;
    const { id, correlation, command, orderId } = request;
    let isOver = false;
    const end = (isAnswered: boolean) => {
      if (isOver) return;
      isOver = true;
      if (orderId !== undefined) this.#note(orderId, isAnswered);
      if (isAnswered || attempt === attemptsMax) this.#openCount -= 1;
      else scheduler.after(random.between(300, 1_500), undefined, () => this.#attempt(request, attempt + 1));
    };
    const gateway = mesh.running("gateway");
    if (gateway === undefined) return end(false);
    const inbox = [{ messageId: id, consumer: "requests", digest: "" }];
    // The process may die with the answer.
    scheduler.after(12_000, undefined, () => end(false));
    gateway.service.send(command, {
      id,
      correlation,
      cause: { subject: correlation, via: "gateway" },
      commit: (writes) => gateway.store.commit({ ...writes, inbox }),
    }).then(() => end(true), () => end(false));
  }

  #note(orderId: string, isAnswered: boolean): void {
    const { accepted, unknown } = this.journal;
    if (!isAnswered) {
      unknown.add(orderId);
      return;
    }
    unknown.delete(orderId);
    accepted.add(orderId);
  }
}
