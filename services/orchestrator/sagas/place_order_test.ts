import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { deadlinePassed, given } from "@mesh/testing";
import {
  ReleaseStock,
  ReserveStock,
  ShipOut,
  StockRefused,
  StockReleased,
  StockReserved,
  StockShippedOut,
} from "@shop/inventory";
import {
  CancellationRequested,
  ConfirmOrder,
  OrderConfirmed,
  OrderPlaced,
  RefuseCancellation,
  RejectOrder,
} from "@shop/orders";
import {
  AuthorizePayment,
  CapturePayment,
  CaptureRefused,
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentVoided,
  VoidPayment,
} from "@shop/payments";
import { ArrangeShipment, ShipmentArranged } from "@shop/shipping";
import { placeOrder } from "./place_order.ts";

const orderId = "0b9b3f0e-6a5c-4a7e-9a51-0d6f2a0f0001";
const customerId = "0b9b3f0e-6a5c-4a7e-9a51-0d6f2a0f0002";
const addressRef = "0b9b3f0e-6a5c-4a7e-9a51-0d6f2a0f0003";
const priceEventId = "019b76da-a800-7000-8000-000000000009";
const order = { orderId, customerId };
const money = { orderId, amountMinor: 2_495, currency: "EUR" };
const tea = { orderId, sku: "TEA-0001" };
const cup = { orderId, sku: "CUP-0002" };

const placed = OrderPlaced({
  ...order,
  addressRef,
  lines: [
    { sku: tea.sku, units: 3, unitPriceMinor: 499, priceEventId },
    { sku: cup.sku, units: 1, unitPriceMinor: 998, priceEventId },
  ],
  currency: "EUR",
  paymentMethod: "pm_card_visa",
  totalMinor: 2_495,
});
const teaReserved = StockReserved({ ...tea, units: 3, warehouse: "ams", unitsFree: 4 });
const cupReserved = StockReserved({ ...cup, units: 1, warehouse: "seoul", unitsFree: 0 });
const cupRefused = StockRefused({ ...cup, units: 1, reason: "too-few-free", unitsFree: 0 });
const authorized = PaymentAuthorized({ ...money, providerRef: "pi_1", postings: [] });
const declined = PaymentDeclined({ orderId, reason: "card_declined" });
const voided = PaymentVoided({ orderId, postings: [] });
const captured = PaymentCaptured({ ...money, postings: [] });
const arranged = ShipmentArranged({ orderId, trackingCode: "TRACK-1" });
const released = (hold: typeof tea) => StockReleased({ ...hold, units: 1, unitsFree: 1 });
const shipped = (hold: typeof tea) => StockShippedOut({ ...hold, units: 1, shortfallUnits: 0, unitsFree: 1 });
const cancel = CancellationRequested(order);

const reserved = [placed, teaReserved, cupReserved];
const paid = [...reserved, authorized, captured];

Deno.test("placeOrder reserves every line at once", () => {
  assertEquals(given(placeOrder, []).when(placed), [
    ReserveStock({ ...tea, units: 3 }),
    ReserveStock({ ...cup, units: 1 }),
  ]);
});

Deno.test("placeOrder secures the money once all lines are held", () => {
  assertEquals(given(placeOrder, [placed, cupReserved]).when(teaReserved), [
    AuthorizePayment({ ...money, customerId, paymentMethod: "pm_card_visa" }),
  ]);
});

Deno.test("placeOrder takes the money that it has secured", () => {
  assertEquals(given(placeOrder, reserved).when(authorized), [CapturePayment({ orderId })]);
});

Deno.test("placeOrder has each line picked up where it is held", () => {
  assertEquals(given(placeOrder, [...reserved, authorized]).when(captured), [
    ArrangeShipment({
      orderId,
      addressRef,
      parcels: [{ sku: tea.sku, units: 3, warehouse: "ams" }, { sku: cup.sku, units: 1, warehouse: "seoul" }],
    }),
  ]);
});

Deno.test("placeOrder ships every line out, then confirms the order", () => {
  assertEquals(given(placeOrder, paid).when(arranged), [ShipOut(tea), ShipOut(cup)]);
  assertEquals(given(placeOrder, [...paid, arranged, shipped(cup)]).when(shipped(tea)), [ConfirmOrder(order)]);
  const confirmed = [...paid, arranged, shipped(cup), shipped(tea), OrderConfirmed(order)];
  assertEquals(given(placeOrder, confirmed).progress.phase, "completed");
});

Deno.test("placeOrder gives back the other lines when one is out of stock, and rejects the order", () => {
  assertEquals(given(placeOrder, [placed]).when(cupRefused), [ReleaseStock(tea)]);
  assertEquals(given(placeOrder, [placed, cupRefused]).when(released(tea)), [
    RejectOrder({ ...order, reason: "out-of-stock", failedStep: "reserveStock" }),
  ]);
});

Deno.test("placeOrder gives the stock back when the payment is declined", () => {
  assertEquals(given(placeOrder, reserved).when(declined), [ReleaseStock(tea), ReleaseStock(cup)]);
  assertEquals(given(placeOrder, [...reserved, declined, released(cup)]).when(released(tea)), [
    RejectOrder({ ...order, reason: "declined", failedStep: "authorizePayment" }),
  ]);
});

Deno.test("placeOrder voids first, then gives the stock back, when the authorisation's answer never came", () => {
  assertEquals(given(placeOrder, reserved).when(deadlinePassed()), [VoidPayment({ orderId })]);
  assertEquals(given(placeOrder, [...reserved, deadlinePassed()]).when(voided), [
    ReleaseStock(tea),
    ReleaseStock(cup),
  ]);
  const undone = [...reserved, deadlinePassed(), voided, released(tea)];
  assertEquals(given(placeOrder, undone).when(released(cup)), [
    RejectOrder({ ...order, reason: "payment-unknown", failedStep: "authorizePayment" }),
  ]);
});

Deno.test("placeOrder gives back every line when nobody says whether they are held", () => {
  assertEquals(given(placeOrder, [placed, teaReserved]).when(deadlinePassed()), [
    ReleaseStock(tea),
    ReleaseStock(cup),
  ]);
  assertEquals(given(placeOrder, [placed, deadlinePassed(), released(tea)]).when(released(cup)), [
    RejectOrder({ ...order, reason: "stock-unknown", failedStep: "reserveStock" }),
  ]);
});

Deno.test("placeOrder gives everything back when the money cannot be taken", () => {
  const refused = CaptureRefused({ orderId, reason: "expired" });
  assertEquals(given(placeOrder, [...reserved, authorized]).when(refused), [VoidPayment({ orderId })]);
  const undone = [...reserved, authorized, refused, voided, released(tea)];
  assertEquals(given(placeOrder, undone).when(released(cup)), [
    RejectOrder({ ...order, reason: "capture-refused", failedStep: "capturePayment" }),
  ]);
});

Deno.test("placeOrder never takes the money twice and never gives it back for want of an answer", () => {
  assertEquals(given(placeOrder, [...reserved, authorized]).when(deadlinePassed()), []);
  assertEquals(given(placeOrder, [...reserved, authorized, deadlinePassed()]).progress.needsAttention, true);
});

Deno.test("placeOrder is cancelled as long as the money is not being taken", () => {
  assertEquals(given(placeOrder, reserved).when(cancel), [VoidPayment({ orderId })]);
  assertEquals(given(placeOrder, [placed, teaReserved]).when(cancel), [ReleaseStock(tea), ReleaseStock(cup)]);
  assertEquals(given(placeOrder, [placed, cancel, released(tea)]).when(released(cup)), [
    RejectOrder({ ...order, reason: "cancelled", failedStep: "reserveStock" }),
  ]);
});

Deno.test("placeOrder reserves nothing for an order that was cancelled before it began", () => {
  assertEquals(given(placeOrder, [cancel]).when(placed), [
    RejectOrder({ ...order, reason: "cancelled", failedStep: "reserveStock" }),
  ]);
});

Deno.test("placeOrder refuses to cancel what is paid", () => {
  assertEquals(given(placeOrder, paid).when(cancel), [RefuseCancellation(order)]);
  const capturing = given(placeOrder, [...reserved, authorized, cancel]);
  assertEquals(capturing.when(captured).at(-1), RefuseCancellation(order));
});
