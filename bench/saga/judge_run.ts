import type { StockSums } from "./shop_books.ts";

/** What a bench leaves behind when all is quiet. */
export interface RunFacts {
  /** Every order that was placed, with the type of the event it ended with. */
  readonly orders: readonly { readonly orderId: string; readonly sku: string; readonly end: string }[];
  readonly unitsPerSku: number;
  readonly priceMinor: number;
  readonly stock: readonly StockSums[];
  /** What the provider did, by order. */
  readonly ledger: Readonly<Record<string, LedgerEntry>>;
  /** Orders in the gateway's read model, by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly deadLetters: number;
  readonly unsettled: number;
}

/** What the payment provider did for one order. */
export interface LedgerEntry {
  readonly captures: number;
  readonly capturedMinor: number;
  readonly refundedMinor: number;
  readonly heldMinor: number;
}

/** Faults listed at most; the first ones tell the story. */
const faultsMax = 20;

/**
 * Judges a run: every order confirmed, every unit and every cent where it belongs.
 *
 * @returns What is wrong; empty when the run counts.
 */
export function faultsOfRun(facts: RunFacts): readonly string[] {
  return [...faultsOfOrders(facts), ...faultsOfStock(facts), ...faultsOfMoney(facts), ...faultsOfRest(facts)]
    .slice(0, faultsMax);
}

function faultsOfOrders({ orders, statuses }: RunFacts): readonly string[] {
  const unconfirmed = orders.filter(({ end }) => end !== "orders.order-confirmed");
  const shown = statuses.confirmed ?? 0;
  return [
    ...(new Set(orders.map(({ orderId }) => orderId)).size === orders.length ? [] : ["two orders have the same id"]),
    ...unconfirmed.map(({ orderId, end }) => `order ${orderId} ended with ${end}`),
    ...(shown === orders.length ? [] : [`the gateway shows ${shown} of ${orders.length} orders as confirmed`]),
  ];
}

function faultsOfStock({ orders, stock, unitsPerSku }: RunFacts): readonly string[] {
  const sums = new Map(stock.map((each) => [each.sku, each]));
  return [...Map.groupBy(orders, ({ sku }) => sku)].flatMap(([sku, ofSku]) => {
    const found = sums.get(sku);
    const wanted = ofSku.length;
    const isExact = found !== undefined && found.unitsReserved === wanted && found.unitsShipped === wanted &&
      found.unitsReleased === 0 && found.unitsFree === unitsPerSku - wanted;
    return isExact
      ? []
      : [`${sku}: ${wanted} of ${unitsPerSku} units were ordered, its books say ${JSON.stringify(found)}`];
  });
}

function faultsOfMoney({ orders, ledger, priceMinor }: RunFacts): readonly string[] {
  const known = new Set(orders.map(({ orderId }) => orderId));
  const strangers = Object.keys(ledger).filter((orderId) => !known.has(orderId));
  return [
    ...orders.flatMap(({ orderId }) => {
      const entry = ledger[orderId];
      const isExact = entry?.captures === 1 && entry.capturedMinor === priceMinor && entry.refundedMinor === 0 &&
        entry.heldMinor === 0;
      return isExact ? [] : [`order ${orderId}: the provider's books say ${JSON.stringify(entry)}`];
    }),
    ...strangers.map((orderId) => `order ${orderId} was charged and never placed`),
  ];
}

function faultsOfRest({ deadLetters, unsettled }: RunFacts): readonly string[] {
  return [
    ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters`]),
    ...(unsettled === 0 ? [] : [`${unsettled} messages or calls are still under way`]),
  ];
}
