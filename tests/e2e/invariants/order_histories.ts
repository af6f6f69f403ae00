import type { ShopFacts, StoredEvent } from "./facts.ts";

/** How an order ended. */
export type OrderEnd = "confirmed" | "rejected";

/** One line of an order. */
export interface OrderedLine {
  readonly sku: string;
  readonly units: number;
}

/** An order as the events of `orders` tell it. */
export interface OrderHistory {
  readonly orderId: string;
  readonly totalMinor: number;
  readonly lines: readonly OrderedLine[];
  /** Every end that was recorded and is no repeat; one, if all is well. */
  readonly ends: readonly OrderEnd[];
  /** Why it was rejected; null otherwise. */
  readonly reason: string | null;
}

/** @returns Orders that were placed, by id. */
export function orderHistories({ events }: Pick<ShopFacts, "events">): ReadonlyMap<string, OrderHistory> {
  const orders = new Map<string, OrderHistory>();
  for (const event of newsOf(events, "orders")) {
    const orderId = String(event.data.orderId);
    const known = orders.get(orderId);
    if (event.type === "orders.order-placed") {
      const { totalMinor, lines } = event.data as { totalMinor: number; lines: readonly OrderedLine[] };
      orders.set(orderId, { orderId, totalMinor, lines, ends: known?.ends ?? [], reason: known?.reason ?? null });
    }
    const end = endOf(event.type);
    if (end === undefined || known === undefined) continue;
    const reason = end === "rejected" ? String(event.data.reason) : known.reason;
    orders.set(orderId, { ...known, ends: [...known.ends, end], reason });
  }
  return orders;
}

/** @returns Ids of orders that were refused at the door. */
export function refusedOrders({ events }: Pick<ShopFacts, "events">): ReadonlySet<string> {
  const refusals = newsOf(events, "orders").filter(({ type }) => type === "orders.order-refused");
  return new Set(refusals.map(({ data }) => String(data.orderId)));
}

/** @returns Events of a service that say something new; one that only answers a repeat is left out. */
export function newsOf(events: readonly StoredEvent[], service: string): readonly StoredEvent[] {
  return events.filter((event) => event.service === service && event.data.isRepeat !== true);
}

function endOf(type: string): OrderEnd | undefined {
  if (type === "orders.order-confirmed") return "confirmed";
  return type === "orders.order-rejected" ? "rejected" : undefined;
}
