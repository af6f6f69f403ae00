import type { Fault } from "./refusal.ts";
import type { OrderLine } from "./projections/order_row.ts";
import type { ProductRow } from "./projections/products.ts";

/** One line as the customer asks for it. */
export interface AskedLine {
  readonly sku: string;
  readonly units: number;
  /** The price that the customer has seen; the current one when absent. */
  readonly priceEventId?: string | undefined;
}

/** What an order costs. */
export interface PricedOrder {
  readonly lines: readonly OrderLine[];
  readonly currency: string;
  readonly totalMinor: number;
}

/** What came of pricing. */
export type Pricing =
  | { readonly outcome: "priced"; readonly order: PricedOrder }
  /** `type` is the last part of the problem's type. */
  | { readonly outcome: "refused"; readonly type: PricingRefusal; readonly faults: readonly Fault[] };

export type PricingRefusal =
  | "product-unavailable"
  | "price-changed"
  | "mixed-currencies"
  | "too-many-units"
  | "total-out-of-range";

/** Units of one SKU that an order may ask for; what inventory and orders accept. */
export const unitsMax = 10_000;

/** Largest total in minor units: eight digits are what a payment provider can still charge. */
export const totalMinorMax = 99_999_999;

/**
 * Merges lines by SKU and prices them as the shop shows them at this moment.
 *
 * @param asked At least one line.
 * @param products What is known of their products, by SKU.
 * @returns The lines in the order in which their SKUs were first named, or every reason against the order of one kind.
 *
 * @example Two lines of one SKU are one line
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { priceOrder } from "./price_order.ts";
 *
 * const tea = {
 *   sku: "TEA-0001", status: "listed", name: "Sencha", description: "", priceMinor: 499, currency: "EUR", priceEventId: "e1",
 * } as const;
 * const pricing = priceOrder([{ sku: tea.sku, units: 1 }, { sku: tea.sku, units: 2 }], new Map([[tea.sku, tea]]));
 * assertEquals(pricing.outcome === "priced" && pricing.order.totalMinor, 1_497);
 * ```
 */
export function priceOrder(asked: readonly AskedLine[], products: ReadonlyMap<string, ProductRow>): Pricing {
  const isListed = ({ sku }: AskedLine) => products.get(sku)?.status === "listed";
  const refuse = (type: PricingRefusal, detail: string, isWrong: (line: AskedLine) => boolean): Pricing => ({
    outcome: "refused",
    type,
    faults: asked.flatMap((line, index) => isWrong(line) ? [{ pointer: `/lines/${index}`, detail }] : []),
  });
  if (!asked.every(isListed)) return refuse("product-unavailable", "is not on sale", (line) => !isListed(line));

  const hasOldPrice = ({ sku, priceEventId }: AskedLine) =>
    priceEventId !== undefined && priceEventId !== products.get(sku)?.priceEventId;
  if (asked.some(hasOldPrice)) return refuse("price-changed", "costs another price now", hasOldPrice);

  const lines: readonly OrderLine[] = [...Map.groupBy(asked, ({ sku }) => sku)].map(([sku, same]) => {
    const { priceMinor, priceEventId } = products.get(sku)!;
    const units = same.reduce((sum, line) => sum + line.units, 0);
    return { sku, units, unitPriceMinor: priceMinor, priceEventId };
  });
  const tooMany = new Set(lines.filter(({ units }) => units > unitsMax).map(({ sku }) => sku));
  if (tooMany.size > 0) {
    return refuse("too-many-units", `asks for more than ${unitsMax} units in all`, ({ sku }) => tooMany.has(sku));
  }

  const currency = products.get(lines[0]!.sku)!.currency;
  const isForeign = ({ sku }: AskedLine) => products.get(sku)!.currency !== currency;
  if (asked.some(isForeign)) return refuse("mixed-currencies", "is sold in another currency than the first", isForeign);

  const totalMinor = lines.reduce((sum, { units, unitPriceMinor }) => sum + units * unitPriceMinor, 0);
  if (totalMinor > totalMinorMax) {
    return refuse("total-out-of-range", "adds up to more than can be charged", () => true);
  }
  return { outcome: "priced", order: { lines, currency, totalMinor } };
}
