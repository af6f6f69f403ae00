import type { Shelf, WantedOrder } from "./storefront.ts";

/** How an order ends. */
export interface Ending {
  readonly status: "confirmed" | "rejected" | "cancelled" | "refused";
  /** Why, where there is a reason to give. */
  readonly reason?: string;
}

/** One order of the demo. */
export interface Scenario {
  readonly title: string;
  /** What is going to happen, for people. */
  readonly story: string;
  /** What must lie on the shelves before. */
  readonly shelves: readonly Shelf[];
  readonly order: WantedOrder;
  /** Step at which the customer changes their mind. */
  readonly cancelledAt?: string;
  /** Whether the order only ends when the shop loses patience, which takes it 10 minutes by default. */
  readonly isUpToTheShop?: boolean;
  readonly expected: Ending;
}

const plenty = 1_000;

/** The orders of the demo, in the order in which they are placed. */
export const scenarios: readonly Scenario[] = Object.freeze([
  {
    title: "An order that completes",
    story: "Two teas are reserved, the card is charged, the parcel is booked, the stock leaves the books.",
    shelves: [{ sku: "TEA-0001", unitsOnHand: plenty }, { sku: "TEA-0007", unitsOnHand: plenty }],
    order: {
      lines: [{ sku: "TEA-0001", units: 2 }, { sku: "TEA-0007", units: 1 }],
      paymentMethod: "pm_card_visa",
    },
    expected: { status: "confirmed" },
  },
  {
    title: "An order for more than there is",
    story: "Three tins are left of the second tea, four are wanted; what was held of the first one is given back.",
    shelves: [{ sku: "TEA-0002", unitsOnHand: plenty }, { sku: "TEA-0012", unitsOnHand: 3 }],
    order: {
      lines: [{ sku: "TEA-0002", units: 1 }, { sku: "TEA-0012", units: 4 }],
      paymentMethod: "pm_card_visa",
    },
    expected: { status: "rejected", reason: "out-of-stock" },
  },
  {
    title: "An order whose card is declined",
    story: "The provider says no: the tea goes back to the shelf, nothing is charged.",
    shelves: [{ sku: "TEA-0003", unitsOnHand: plenty }],
    order: { lines: [{ sku: "TEA-0003", units: 1 }], paymentMethod: "pm_card_chargeDeclined" },
    expected: { status: "rejected", reason: "declined" },
  },
  {
    title: "An order whose payment's answer is lost",
    story:
      "The provider does what it is asked and its answer is lost: it is asked what became of it, and charges once.",
    shelves: [{ sku: "TEA-0004", unitsOnHand: plenty }],
    order: { lines: [{ sku: "TEA-0004", units: 1 }], paymentMethod: "pm_card_lostAnswer" },
    expected: { status: "confirmed" },
  },
  {
    title: "An order that the customer cancels in time",
    story: "While the provider is thinking the customer changes their mind: the payment is voided, the tea goes back.",
    shelves: [{ sku: "TEA-0005", unitsOnHand: plenty }],
    order: { lines: [{ sku: "TEA-0005", units: 1 }], paymentMethod: "pm_card_slow" },
    cancelledAt: "authorizePayment",
    expected: { status: "cancelled", reason: "cancelled" },
  },
  {
    title: "An order that times out at the provider",
    story: "The provider never answers. After a while nobody waits any more: what it may have done is undone.",
    shelves: [{ sku: "TEA-0006", unitsOnHand: plenty }],
    order: { lines: [{ sku: "TEA-0006", units: 1 }], paymentMethod: "pm_card_slow" },
    isUpToTheShop: true,
    expected: { status: "rejected", reason: "payment-unknown" },
  },
]);
