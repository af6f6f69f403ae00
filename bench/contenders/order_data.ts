/** What an order says, the same in every contender: with its envelope, a message has about 1 KB. */
export interface OrderData {
  readonly orderId: string;
  readonly customerId: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly lines: {
    sku: string;
    name: string;
    units: number;
    unitPriceMinor: number;
  }[];
  readonly shipTo: {
    readonly name: string;
    readonly street: string;
    readonly city: string;
    readonly postcode: string;
    readonly country: string;
  };
  readonly payment: { readonly method: string; readonly token: string; readonly last4: string };
  readonly note: string;
}

/**
 * Makes an order; all are alike but for their id.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { orderData } from "./order_data.ts";
 *
 * const { length } = JSON.stringify(orderData("5b0f3c1e-2d6f-4bb0-9f50-7c8f3f4d9a10"));
 * ok(length > 600 && length < 700);
 * ```
 */
export function orderData(orderId: string): OrderData {
  return {
    orderId,
    customerId: "c-10293847",
    currency: "EUR",
    totalMinor: 129_900,
    lines: [
      { sku: "KBD-0123", name: "Mechanical keyboard", units: 1, unitPriceMinor: 89_900 },
      { sku: "RST-0456", name: "Wrist rest", units: 2, unitPriceMinor: 15_000 },
      { sku: "CBL-0789", name: "Cable, 1 m", units: 1, unitPriceMinor: 10_000 },
    ],
    shipTo: {
      name: "Ada Lovelace",
      street: "12 St James's Square",
      city: "London",
      postcode: "SW1Y 4JH",
      country: "GB",
    },
    payment: { method: "card", token: "tok_1NfQ2b2eZvKYlo2CqfH8c9vX", last4: "4242" },
    note: "Leave with the concierge if nobody answers the door.",
  };
}
