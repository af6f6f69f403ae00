import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import type { Outgoing } from "@mesh/actor";
import { given } from "@mesh/testing";
import { orders } from "./actor.ts";
import {
  CancellationRefused,
  CancellationRequested,
  CancelOrder,
  ConfirmOrder,
  OrderConfirmed,
  OrderPlaced,
  OrderRefused,
  OrderRejected,
  PlaceOrder,
  RefuseCancellation,
  RejectOrder,
} from "./contract.ts";

const orderId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001";
const customerId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0002";
const stranger = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0003";
const ref = { orderId, customerId };
const line = { sku: "TEA-0001", units: 2, unitPriceMinor: 450, priceEventId: "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0004" };
const purchase = {
  ...ref,
  addressRef: "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0005",
  lines: [line, { ...line, sku: "CUP-0001", units: 1, unitPriceMinor: 1200 }],
  currency: "EUR",
  paymentMethod: "pm_card_visa",
};
const rejection = { ...ref, reason: "out-of-stock", failedStep: "reserveStock" } as const;

const placed = OrderPlaced({ ...purchase, totalMinor: 2100 });
const confirmed = OrderConfirmed(ref);
const rejected = OrderRejected(rejection);
const refused = OrderRefused({ ...ref, reason: "duplicate-lines" });
const requested = CancellationRequested(ref);
const tooLate = CancellationRefused({ ...ref, reason: "too-late" });

Deno.test("orders places an order with the exact total of its lines", () => {
  assertEquals(given(orders, []).when(PlaceOrder(purchase)), [placed]);
});

Deno.test("orders refuses an order that names a SKU twice", () => {
  assertEquals(given(orders, []).when(PlaceOrder({ ...purchase, lines: [line, line] })), [refused]);
});

Deno.test("orders refuses an order that no provider could charge, and places the dearest that one could", () => {
  const costing = (unitPriceMinor: number, units: number) =>
    given(orders, []).when(PlaceOrder({ ...purchase, lines: [{ ...line, unitPriceMinor, units }] }));

  assertEquals(costing(50_000_000, 2), [OrderRefused({ ...ref, reason: "total-out-of-range" })]);
  assertEquals(types(costing(99_999_999, 1)), ["orders.order-placed"]);
});

Deno.test("orders refuses the same order under another id, and a read model is told to ignore it", () => {
  const again = PlaceOrder(purchase);
  const refusal = OrderRefused({ ...ref, reason: "already-placed", isRepeat: true });

  for (const history of [[placed], [placed, confirmed], [placed, rejected]]) {
    const order = given(orders, history);
    assertEquals(order.when(again), [refusal]);
    assertEquals(given(orders, [...history, refusal]).state, order.state);
  }
  assertEquals(given(orders, [refused]).when(again), [
    OrderRefused({ ...ref, reason: "already-refused", isRepeat: true }),
  ]);
});

Deno.test("orders ends a placed order once, as confirmed or as rejected", () => {
  assertEquals(given(orders, [placed]).when(ConfirmOrder(ref)), [confirmed]);
  assertEquals(given(orders, [placed]).when(RejectOrder(rejection)), [rejected]);
});

Deno.test("orders answers whatever would end an ended order with how it did end", () => {
  const cancelled = RejectOrder({ ...rejection, reason: "cancelled" });
  const ends = [
    [[placed, confirmed], OrderConfirmed({ ...ref, isRepeat: true })],
    [[placed, rejected], OrderRejected({ ...rejection, isRepeat: true })],
    [[refused], OrderRefused({ ...ref, reason: "already-refused", isRepeat: true })],
    [[], OrderRefused({ ...ref, reason: "not-found", isRepeat: true })],
  ] as const;

  for (const [history, standing] of ends) {
    assertEquals(given(orders, history).when(ConfirmOrder(ref)), [standing]);
    assertEquals(given(orders, history).when(cancelled), [standing]);
    assertEquals(given(orders, [...history, standing]).state, given(orders, history).state);
  }
});

Deno.test("orders names the customer who placed the order, whoever the saga says it was", () => {
  assertEquals(given(orders, [placed]).when(ConfirmOrder({ orderId, customerId: stranger })), [confirmed]);
  assertEquals(given(orders, [placed]).when(RejectOrder({ ...rejection, customerId: stranger })), [rejected]);
});

Deno.test("orders notes a cancellation, and says of the next one that it is the same", () => {
  assertEquals(given(orders, [placed]).when(CancelOrder(ref)), [requested]);
  assertEquals(given(orders, [placed, requested]).when(CancelOrder(ref)), [
    CancellationRequested({ ...ref, isRepeat: true }),
  ]);
});

Deno.test("orders still ends an order whose cancellation was requested", () => {
  assertEquals(given(orders, [placed, requested]).when(ConfirmOrder(ref)), [confirmed]);
  assertEquals(given(orders, [placed, requested]).when(RejectOrder(rejection)), [rejected]);
});

Deno.test("orders refuses to cancel what has ended, and what the saga has called too late", () => {
  const reasons = [
    [[placed, confirmed], "already-confirmed"],
    [[placed, rejected], "already-rejected"],
    [[refused], "already-refused"],
    [[], "not-found"],
    [[placed, requested, tooLate], "too-late"],
  ] as const;

  for (const [history, reason] of reasons) {
    assertEquals(given(orders, history).when(CancelOrder(ref)), [CancellationRefused({ ...ref, reason })]);
  }
});

Deno.test("orders does not tell a stranger that an order exists, and lets nobody else cancel it", () => {
  const asStranger = { orderId, customerId: stranger };
  const notFound = CancellationRefused({ ...asStranger, reason: "not-found" });

  for (const history of [[placed], [placed, confirmed], [placed, rejected], [refused]]) {
    assertEquals(given(orders, history).when(CancelOrder(asStranger)), [notFound]);
  }
  assertEquals(given(orders, [placed, notFound]).when(CancelOrder(ref)), [requested]);
});

Deno.test("orders passes on that a cancellation came too late, also after the confirmation", () => {
  assertEquals(given(orders, [placed, requested]).when(RefuseCancellation(ref)), [tooLate]);
  assertEquals(given(orders, [placed, requested, confirmed]).when(RefuseCancellation(ref)), [tooLate]);
  assertEquals(given(orders, [placed, requested, confirmed, tooLate]).state, given(orders, [placed, confirmed]).state);
});

Deno.test("orders answers a refusal of a cancellation that is beside the point with how the order stands", () => {
  const reasons = [[[placed, rejected], "already-rejected"], [[refused], "already-refused"], [
    [],
    "not-found",
  ]] as const;

  for (const [history, reason] of reasons) {
    assertEquals(given(orders, history).when(RefuseCancellation(ref)), [CancellationRefused({ ...ref, reason })]);
  }
});

Deno.test("orders takes no order without lines, with more than a hundred, or with ids in capitals", () => {
  const many = Array.from({ length: 101 }, (_, at) => ({ ...line, sku: `TEA-${String(at).padStart(4, "0")}` }));
  for (const wrong of [{ lines: [] }, { lines: many }, { orderId: orderId.toUpperCase() }]) {
    assertThrows(() => PlaceOrder({ ...purchase, ...wrong }), { code: "contract.invalid" });
  }
});

function types(outgoing: readonly Outgoing[]): string[] {
  return outgoing.map((one) => one.kind === "effect" ? one.effect : one.type);
}
