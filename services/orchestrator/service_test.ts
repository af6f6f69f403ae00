import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { received } from "@mesh/testing";
import { CancellationRequested } from "@shop/orders";
import { orchestratorHost, service } from "./service.ts";

const order = { orderId: "0b9b3f0e-6a5c-4a7e-9a51-0d6f2a0f0001", customerId: "0b9b3f0e-6a5c-4a7e-9a51-0d6f2a0f0002" };

Deno.test("The orchestrator subscribes by correlation to all that its host accepts, and to nothing else", () => {
  assertEquals(new Set(service.subscribes.map(({ by }) => by)), new Set(["correlation"]));
  assertEquals(service.subscribes.map(({ event }) => event), orchestratorHost().accepts);
});

Deno.test("The orchestrator may send what its sagas send", () => {
  assertEquals(service.sends.map(({ type }) => type).sort(), [
    "inventory.release-stock",
    "inventory.reserve-stock",
    "inventory.ship-out",
    "orders.confirm-order",
    "orders.refuse-cancellation",
    "orders.reject-order",
    "payments.authorize-payment",
    "payments.capture-payment",
    "payments.void-payment",
    "shipping.arrange-shipment",
  ]);
});

Deno.test("An order's events find its saga by their correlation", () => {
  const message = received(CancellationRequested(order), { correlation: order.orderId });
  assertEquals(orchestratorHost().keyOf(message), `place-order/${order.orderId}`);
});
