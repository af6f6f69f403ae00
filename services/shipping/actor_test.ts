import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { answering, unanswering } from "@mesh/contract";
import { given } from "@mesh/testing";
import { shipping } from "./actor.ts";
import { ArrangeShipment, ShipmentArranged, ShipmentRefused, ShipmentRequested } from "./contract.ts";
import { BookShipment } from "./effects.ts";

const orderId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001";
const [first, second] = ["0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0011", "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0012"] as const;
const shipment = {
  orderId,
  addressRef: "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0002",
  parcels: [{ sku: "TEA-0001", units: 2, warehouse: "ams" }],
};
const requested = ShipmentRequested({ orderId, commandId: first });
const trackingCode = "TRACK-1";
const booked = { result: "booked", trackingCode } as const;

Deno.test("shipping asks the carrier before it answers", () => {
  assertEquals(given(shipping, []).when(ArrangeShipment(shipment), { messageId: first }), [
    unanswering(requested),
    BookShipment(shipment),
  ]);
});

Deno.test("shipping answers the command that waited once the carrier has booked", () => {
  assertEquals(given(shipping, [requested]).whenOutcome(BookShipment, booked), [
    answering([first], ShipmentArranged({ orderId, trackingCode })),
  ]);
});

Deno.test("shipping books once for two commands under different ids and answers both", () => {
  const alsoRequested = ShipmentRequested({ orderId, commandId: second });

  assertEquals(given(shipping, [requested]).when(ArrangeShipment(shipment), { messageId: second }), [
    unanswering(alsoRequested),
  ]);
  assertEquals(given(shipping, [requested, alsoRequested]).whenOutcome(BookShipment, booked), [
    answering([first, second], ShipmentArranged({ orderId, trackingCode })),
  ]);
});

Deno.test("shipping answers who asks after the booking with the same booking, whatever the address", () => {
  const history = [requested, ShipmentArranged({ orderId, trackingCode })];
  const elsewhere = ArrangeShipment({ ...shipment, addressRef: second });
  const repeat = ShipmentArranged({ orderId, trackingCode, isRepeat: true });

  assertEquals(given(shipping, history).when(elsewhere, { messageId: second }), [repeat]);
  assertEquals(given(shipping, [...history, repeat]).state, given(shipping, history).state);
});

Deno.test("shipping passes a refusal on, and asks the carrier anew for the next command", () => {
  const refused = ShipmentRefused({ orderId, reason: "address_unknown" });

  assertEquals(
    given(shipping, [requested]).whenOutcome(BookShipment, { result: "refused", reason: "address_unknown" }),
    [
      answering([first], refused),
    ],
  );
  assertEquals(given(shipping, [requested, refused]).when(ArrangeShipment(shipment), { messageId: second }), [
    unanswering(ShipmentRequested({ orderId, commandId: second })),
    BookShipment(shipment),
  ]);
});

Deno.test("shipping ignores an outcome that it has already recorded", () => {
  const history = [requested, ShipmentArranged({ orderId, trackingCode })];

  assertEquals(given(shipping, history).whenOutcome(BookShipment, { result: "booked", trackingCode: "TRACK-2" }), []);
});

Deno.test("shipping lets eight commands wait and calls a ninth a defect", () => {
  const waiting = Array.from({ length: 8 }, () => requested);

  assertThrows(() => given(shipping, waiting).when(ArrangeShipment(shipment), { messageId: second }), {
    code: "defect",
  });
});
