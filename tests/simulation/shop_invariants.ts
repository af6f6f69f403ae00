import type { CommitResult, StoredEvent, StoreOperation, TurnWrites } from "@mesh/store";
import type { Violation } from "@mesh/testing/simulation";
import type { OrderRow } from "@shop/gateway/projections";
import type { Journal } from "./customers.ts";
import { judgeQuiet, type QuietShop } from "./judge_quiet.ts";
import type { OutsideWorld } from "./outside_world.ts";

/** How orders ended. */
export interface Outcomes {
  confirmed: number;
  /** By reason. */
  rejected: Record<string, number>;
  refused: number;
}

/** One order, as what was committed tells it. */
interface OrderBooks {
  end: "confirmed" | "rejected" | undefined;
  /** What the saga has come to. */
  sagaPhase: string | undefined;
  payment: "none" | "authorized" | "captured" | "void";
  captures: number;
  isShipped: boolean;
  isNoticed: boolean;
  shown: string;
  /** Events of each stream that the order's row tells of. */
  readonly heads: Map<string, number>;
  /** Events of each stream that the row has seen. */
  seen: Readonly<Record<string, number>>;
  /** Units by SKU. */
  readonly holds: Map<string, number>;
}

/** One SKU, as what was committed tells it. */
interface Shelf {
  onHand: number;
  held: number;
}

/** What the invariants need. */
export interface ShopInvariantsOptions {
  readonly violate: (violation: Violation) => void;
  readonly outside: OutsideWorld;
}

type Data = Readonly<Record<string, unknown>>;

/** What must hold in the shop after every single commit; and, once it is quiet, at the end. */
export class ShopInvariants {
  readonly outcomes: Outcomes = { confirmed: 0, rejected: {}, refused: 0 };
  readonly #options: ShopInvariantsOptions;
  readonly #orders = new Map<string, OrderBooks>();
  readonly #refused = new Set<string>();
  readonly #shelves = new Map<string, Shelf>();
  #openCount = 0;

  constructor(options: ShopInvariantsOptions) {
    this.#options = options;
  }

  /** Judges a call that took effect in the database of `service`. */
  stored(service: string, operation: StoreOperation, args: readonly unknown[], result: unknown): void {
    if (operation !== "commit" || (result as CommitResult).outcome !== "committed") return;
    const { events, rows } = args[0] as TurnWrites;
    for (const event of events) {
      this.#judge(service, event);
      const orderId = toldStream.exec(event.stream)?.[1];
      if (orderId !== undefined) this.#booksOf(orderId).heads.set(event.stream, event.version);
    }
    for (const { projection, key, row, seen } of rows) {
      if (projection !== "orders") continue;
      const books = this.#booksOf(key);
      books.shown = (row as unknown as OrderRow).status;
      books.seen = seen;
    }
  }

  /** Whether every order has ended, and everybody knows. */
  areOrdersEnded({ accepted }: Journal): boolean {
    if (this.#openCount > 0) return false;
    for (const orderId of accepted) {
      if (this.#refused.has(orderId)) continue;
      const books = this.#orders.get(orderId);
      if (books?.end === undefined || !books.isNoticed || !isShownWhole(books)) return false;
      if (books.sagaPhase !== "completed" && books.sagaPhase !== "rejected") return false;
    }
    return true;
  }

  /** Judges a shop that is quiet. */
  judgeEnd(
    shop: Omit<QuietShop, "outside">,
  ): void {
    for (const violation of judgeQuiet({ ...shop, outside: this.#options.outside })) this.#options.violate(violation);
  }

  #judge(service: string, { type, data, stream }: StoredEvent): void {
    const told = data as Data;
    switch (service) {
      case "orders":
        return this.#judgeOrder(type, told);
      case "orchestrator":
        return this.#judgeSaga(stream, told);
      case "inventory":
        return this.#judgeStock(type, told);
      case "payments":
        return this.#judgePayment(type, told);
      case "shipping":
        return this.#judgeShipment(type, told);
      case "notifications":
        if (type === "notifications.notice-sent") this.#booksOf(String(told.orderId)).isNoticed = true;
    }
  }

  #judgeOrder(type: string, { orderId, isRepeat, reason }: Data): void {
    if (isRepeat === true) return;
    const books = this.#booksOf(String(orderId));
    if (type === "orders.order-placed") this.#openCount += 1;
    else if (type === "orders.order-refused") {
      this.outcomes.refused += 1;
      this.#refused.add(String(orderId));
    } else if (type === "orders.order-confirmed" || type === "orders.order-rejected") {
      if (books.end !== undefined) this.#violate("I3", `order ${orderId} ended twice`);
      books.end = type === "orders.order-confirmed" ? "confirmed" : "rejected";
      this.#openCount -= 1;
      if (books.end === "confirmed") this.outcomes.confirmed += 1;
      else this.outcomes.rejected[String(reason)] = (this.outcomes.rejected[String(reason)] ?? 0) + 1;
      this.#judgeEndOf(String(orderId), books);
    }
  }

  /** I4: what was done is what the end says, at the moment of the end and ever after. */
  #judgeEndOf(orderId: string, books: OrderBooks): void {
    if (books.holds.size > 0) this.#violate("I9", `order ${orderId} is ${books.end} and holds stock`);
    if (books.end === "confirmed" && (books.payment !== "captured" || !books.isShipped)) {
      this.#violate("I4", `order ${orderId} is confirmed with payment ${books.payment}, shipped ${books.isShipped}`);
    }
    if (books.end === "rejected" && (books.payment === "captured" || books.payment === "authorized")) {
      this.#violate("I4", `order ${orderId} is rejected with payment ${books.payment}`);
    }
  }

  #judgeSaga(stream: string, { phase }: Data): void {
    const orderId = stream.slice(stream.lastIndexOf("/") + 1);
    const books = this.#booksOf(orderId);
    books.sagaPhase = String(phase);
    if (phase === "completing" && (books.payment !== "captured" || !books.isShipped || books.holds.size > 0)) {
      this.#violate("I4", `the saga of ${orderId} completes with a step not done`);
    }
    if (
      phase === "rejecting" && (books.payment === "captured" || books.payment === "authorized" || books.holds.size > 0)
    ) {
      this.#violate("I4", `the saga of ${orderId} rejects with a step still in effect`);
    }
  }

  #judgeStock(type: string, data: Data): void {
    const { sku, orderId, units, adjustmentUnits } = data as { sku: string; orderId: string } & Record<string, number>;
    const shelf = this.#shelves.get(sku) ?? { onHand: 0, held: 0 };
    this.#shelves.set(sku, shelf);
    if (type === "inventory.stock-counted") shelf.onHand += adjustmentUnits!;
    if (orderId === undefined) return;
    const books = this.#booksOf(orderId);
    const held = books.holds.get(sku) ?? 0;
    if (type === "inventory.stock-reserved") {
      if (books.end !== undefined) this.#violate("I9", `stock of ${sku} is held for ${orderId} after its end`);
      if (isTurnedBack(books)) this.#violate("I4", `stock of ${sku} is held for ${orderId} after it was given back`);
      shelf.held += units! - held;
      books.holds.set(sku, units!);
    } else if (type === "inventory.stock-released" || type === "inventory.stock-shipped-out") {
      if (units !== held) {
        this.#violate("I8", `${units} units of ${sku} left the hold of ${orderId}, which has ${held}`);
      }
      shelf.held -= held;
      books.holds.delete(sku);
      if (type === "inventory.stock-shipped-out") {
        shelf.onHand -= units!;
        books.isShipped = true;
        if (books.payment !== "captured") this.#violate("I10", `order ${orderId} was shipped out unpaid`);
      }
    }
    if (shelf.held > shelf.onHand || shelf.onHand < 0) {
      this.#violate("I8", `${sku} has ${shelf.onHand} units on hand and ${shelf.held} held`);
    }
  }

  #judgePayment(type: string, { orderId, postings, isRepeat }: Data): void {
    const sum = ((postings ?? []) as readonly { debitMinor: number; creditMinor: number }[])
      .reduce((total, { debitMinor, creditMinor }) => total + debitMinor - creditMinor, 0);
    if (sum !== 0) this.#violate("I7", `a booking of order ${orderId} is off by ${sum}`);
    if (isRepeat === true) return;
    const books = this.#booksOf(String(orderId));
    if (type === "payments.payment-authorized") {
      if (books.end !== undefined) this.#violate("I4", `order ${orderId} was authorised after its end`);
      books.payment = "authorized";
    } else if (type === "payments.payment-voided") books.payment = "void";
    else if (type === "payments.payment-captured") {
      books.captures += 1;
      books.payment = "captured";
      if (books.captures > 1) this.#violate("I5", `the ledger has ${books.captures} captures of order ${orderId}`);
      if (books.end !== undefined) this.#violate("I4", `order ${orderId} was captured after its end`);
    }
  }

  #judgeShipment(type: string, { orderId }: Data): void {
    if (type !== "shipping.shipment-requested") return;
    if (this.#booksOf(String(orderId)).payment !== "captured") {
      this.#violate("I10", `order ${orderId} is shipped and was not paid`);
    }
  }

  #booksOf(orderId: string): OrderBooks {
    let books = this.#orders.get(orderId);
    if (books === undefined) {
      books = {
        end: undefined,
        sagaPhase: undefined,
        payment: "none",
        captures: 0,
        isShipped: false,
        isNoticed: false,
        shown: "placed",
        heads: new Map(),
        seen: {},
        holds: new Map(),
      };
      this.#orders.set(orderId, books);
    }
    return books;
  }

  #violate(rule: string, what: string): void {
    this.#options.violate({ rule, what });
  }
}

/** Streams that an order's row tells of. */
const toldStream = /^(?:orders|orchestrator\/place-order|shipping)\/([0-9a-f-]{36})$/;

/** Whether the storefront shows everything: what the queues have lost comes with the feeds, a little later. */
function isShownWhole({ shown, heads, seen }: OrderBooks): boolean {
  if (shown === "placed") return false;
  for (const [stream, version] of heads) if ((seen[stream] ?? 0) < version) return false;
  return true;
}

/** A saga that tells the end has undone every step before. */
function isTurnedBack({ sagaPhase }: OrderBooks): boolean {
  return sagaPhase === "rejecting" || sagaPhase === "rejected";
}
