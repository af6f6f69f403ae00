import { defineProjection, type ProjectedEvent, type Projection } from "@mesh/runtime";
import { type DataOf } from "@mesh/contract";
import { contracts, ProductPut, ProductRetired } from "@shop/catalog";
import { eventsAmong } from "./events_among.ts";

/** A product as the shop shows it, or keeps it out of sight. */
export interface ProductRow {
  readonly sku: string;
  /** `unknown`: only refusals have been heard so far. */
  readonly status: "unknown" | "listed" | "unlisted" | "retired";
  readonly name: string;
  readonly description: string;
  /** Minor units of `currency`. */
  readonly priceMinor: number;
  readonly currency: string;
  /** The event that this price was read from; an order names it. */
  readonly priceEventId: string;
}

/** Owner of rows that only staff may see. */
export const hiddenOwner = "staff";

/** Products by SKU. Lists run down the sort key, which is turned round so that SKUs run up. */
export const products: Projection<ProductRow> = defineProjection<ProductRow>({
  name: "products",
  subscribes: eventsAmong(contracts),
  keyOf: ({ stream }) => stream.startsWith(streamPrefix) ? stream.slice(streamPrefix.length) : undefined,
  initialRow: (sku) => ({
    sku,
    status: "unknown",
    name: "",
    description: "",
    priceMinor: 0,
    currency: "",
    priceEventId: "",
  }),
  apply: (row, event) => {
    switch (event.type) {
      case ProductPut.type:
        return productFrom(event);
      case ProductRetired.type:
        return { ...row, status: "retired" };
      default:
        return row;
    }
  },
  ownerOf: ({ status }) => status === "listed" ? "" : hiddenOwner,
  sortOf: (_row, sku) => invertedSku(sku),
});

/**
 * Turns the order of SKUs round: A becomes Z, 0 becomes 9. Its own inverse.
 *
 * @param sku Capital letters, digits and hyphens.
 */
export function invertedSku(sku: string): string {
  return sku.replace(/[A-Z]/g, (letter) => String.fromCharCode(155 - letter.charCodeAt(0)))
    .replace(/[0-9]/g, (digit) => String(9 - Number(digit)));
}

function productFrom({ id, data }: ProjectedEvent): ProductRow {
  const { sku, name, description, priceMinor, currency, isListed } = data as DataOf<typeof ProductPut>;
  return {
    sku,
    status: isListed ? "listed" : "unlisted",
    name,
    description,
    priceMinor,
    currency,
    priceEventId: id,
  };
}

const streamPrefix = "catalog/";
