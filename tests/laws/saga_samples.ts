import type { SagaSamples } from "@mesh/testing";
import type { DataOf } from "@mesh/contract";
import type { AuthorizePayment } from "@shop/payments";
import type { ReserveStock } from "@shop/inventory";
import type { OrderPlaced, RejectOrder } from "@shop/orders";

const order = {
  orderId: "019b76da-a800-7000-8000-000000000a01",
  customerId: "019b76da-a800-7000-8000-000000000a02",
};
const money = { orderId: order.orderId, amountMinor: 1_497, currency: "EUR" };
const addressRef = "019b76da-a800-7000-8000-000000000a03";
const priceEventId = "019b76da-a800-7000-8000-000000000a04";

/** An order of one to four lines. */
function placed(size: number): DataOf<typeof OrderPlaced> {
  const lines = ["TEA-0001", "CUP-0002", "POT-0003", "TIN-0004"].slice(0, size + 1)
    .map((sku, at) => ({ sku, units: at + 1, unitPriceMinor: 499, priceEventId }));
  return { ...order, addressRef, lines, currency: "EUR", paymentMethod: "pm_card_visa", totalMinor: 1_497 };
}

type Hold = Pick<DataOf<typeof ReserveStock>, "orderId" | "sku">;

/** What every answer in the shop can look like; later steps read some of it. Holds for all versions of a saga. */
export const sagaSamples: Readonly<Record<string, SagaSamples>> = {
  "place-order": {
    start: placed,
    answers: {
      "inventory.stock-reserved": (asked: DataOf<typeof ReserveStock>) => ({
        ...asked,
        warehouse: "ams",
        unitsFree: 5,
      }),
      "inventory.stock-refused": (asked: DataOf<typeof ReserveStock>) => ({
        ...asked,
        reason: "too-few-free",
        unitsFree: 0,
      }),
      "inventory.stock-released": (hold: Hold) => ({ ...hold, units: 1, unitsFree: 6 }),
      "inventory.stock-shipped-out": (hold: Hold) => ({ ...hold, units: 1, shortfallUnits: 0, unitsFree: 5 }),
      "payments.payment-authorized": ({ amountMinor }: DataOf<typeof AuthorizePayment>) => ({
        ...money,
        amountMinor,
        providerRef: "pi_1",
        postings: [],
        isRepeat: false,
      }),
      "payments.payment-declined": ({ orderId }: Hold) => ({ orderId, reason: "card_declined", isRepeat: false }),
      "payments.payment-voided": ({ orderId }: Hold) => ({ orderId, postings: [], isRepeat: false }),
      "payments.payment-captured": () => ({ ...money, postings: [], isRepeat: false }),
      "payments.capture-refused": ({ orderId }: Hold) => ({ orderId, reason: "expired" }),
      "shipping.shipment-arranged": ({ orderId }: Hold) => ({ orderId, trackingCode: "TRACK-1", isRepeat: false }),
      "shipping.shipment-refused": ({ orderId }: Hold) => ({ orderId, reason: "address_unknown" }),
      "orders.order-confirmed": () => ({ ...order, isRepeat: false }),
      "orders.order-rejected": (asked: DataOf<typeof RejectOrder>) => ({ ...asked, isRepeat: false }),
      "orders.cancellation-refused": () => ({ ...order, reason: "too-late", isRepeat: false }),
    },
  },
};
