import type { Rule, StoredEvent, Violation } from "./facts.ts";
import { orderHistories } from "./order_histories.ts";

/** The books of one SKU, kept again from its events. */
export interface Shelf {
  readonly sku: string;
  /** Sum of all counts' corrections: what was ever there. */
  readonly countedUnits: number;
  readonly shippedUnits: number;
  /** Units by order. */
  readonly holds: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
}

/** As much of an event as the books need. */
export type StockEvent = Pick<StoredEvent, "stream" | "type" | "version" | "data">;

/** Counted = free + held + shipped for every SKU after every event, and no figure is ever below zero. */
export const stockIsExact: Rule = (facts) =>
  shelvesOf(facts.events).flatMap(({ sku, violations }) =>
    violations.map((what): Violation => ({ rule: "I8", what: `${sku}: ${what}` }))
  );

/** Nothing is held for an order that has ended, or that is none. */
export const noHoldOutlivesItsOrder: Rule = (facts) => {
  const orders = orderHistories(facts);
  return shelvesOf(facts.events).flatMap(({ sku, holds }) =>
    [...holds].filter(([orderId]) => orders.get(orderId)?.ends.length !== 0).map(([orderId, units]): Violation => ({
      rule: "I9",
      what: `${units} units of ${sku} are held for order ${orderId}, which has ended or is none`,
    }))
  );
};

/** @returns The books of every SKU, kept again from the events of `inventory`. */
export function shelvesOf(events: readonly StockEvent[]): readonly Shelf[] {
  const bySku = Map.groupBy(
    events.filter(({ stream, data }) => stream.startsWith("inventory/") && data.sku !== undefined),
    ({ data }) => String(data.sku),
  );
  return [...bySku].map(([sku, own]) =>
    own.toSorted((a, b) => a.version - b.version).reduce(takeDown, emptyShelf(sku))
  );
}

function emptyShelf(sku: string): Shelf {
  return { sku, countedUnits: 0, shippedUnits: 0, holds: new Map(), violations: [] };
}

interface StockData {
  readonly orderId: string;
  readonly units: number;
  readonly unitsFree: number;
  readonly adjustmentUnits: number;
}

function takeDown(shelf: Shelf, { type, version, data }: StockEvent): Shelf {
  const { orderId, units, unitsFree, adjustmentUnits } = data as unknown as StockData;
  const heldUnits = shelf.holds.get(orderId) ?? 0;
  const without = new Map([...shelf.holds].filter(([id]) => id !== orderId));
  const faults: string[] = [];
  const gives = (what: string) => {
    if (units !== heldUnits) faults.push(`${what} ${units} units at ${version} that were ${heldUnits}`);
    return without;
  };
  let next = shelf;
  switch (type) {
    case "inventory.stock-counted":
      next = { ...shelf, countedUnits: shelf.countedUnits + adjustmentUnits };
      break;
    case "inventory.stock-reserved":
      next = { ...shelf, holds: without.set(orderId, units) };
      break;
    case "inventory.stock-released":
      next = { ...shelf, holds: gives("released") };
      break;
    case "inventory.stock-shipped-out":
      next = { ...shelf, holds: gives("shipped"), shippedUnits: shelf.shippedUnits + units };
      break;
  }
  const held = [...next.holds.values()].reduce((sum, each) => sum + each, 0);
  const free = next.countedUnits - next.shippedUnits - held;
  if (free < 0) faults.push(`${-free} units were promised at ${version} that are not there`);
  if (unitsFree !== undefined && unitsFree !== Math.max(0, free)) {
    faults.push(`${unitsFree} units are said to be free at ${version}, ${free} are`);
  }
  return { ...next, violations: [...shelf.violations, ...faults] };
}
