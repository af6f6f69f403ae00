import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import fc from "fast-check";
import { behaviourOf } from "@mesh/actor";
import type { AnyEvent } from "@mesh/contract";
import { received, testContext } from "@mesh/testing";
import { orders } from "./actor.ts";
import { CancelOrder, ConfirmOrder, PlaceOrder, RefuseCancellation, RejectOrder } from "./contract.ts";
import { totalMinorOf } from "./total.ts";

const ids = ["0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001", "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0002"] as const;
const orderId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0009";

const customer = fc.constantFrom(...ids).map((customerId) => ({ orderId, customerId }));
const lineUpTo = (unitsMax: number, unitPriceMaxMinor: number) =>
  fc.record({
    sku: fc.constantFrom("TEA-0001", "TEA-0002", "TEA-0003", "TEA-0004"),
    units: fc.integer({ min: 1, max: unitsMax }),
    unitPriceMinor: fc.integer({ min: 1, max: unitPriceMaxMinor }),
    priceEventId: fc.constant(ids[0]),
  });
// Most of these can be placed; several units of the dearest cannot be charged.
const line = fc.oneof({ weight: 9, arbitrary: lineUpTo(9, 9_999) }, { weight: 1, arbitrary: lineUpTo(9, 99_999_999) });
const purchase = fc.record({ ref: customer, lines: fc.array(line, { minLength: 1, maxLength: 2 }) }).map(
  ({ ref, lines }) => PlaceOrder({ ...ref, addressRef: ids[0], lines, currency: "EUR", paymentMethod: "pm_card_visa" }),
);
const command = fc.oneof(
  purchase,
  customer.map(ConfirmOrder),
  customer.map((ref) => RejectOrder({ ...ref, reason: "cancelled", failedStep: "reserveStock" })),
  customer.map(CancelOrder),
  customer.map(RefuseCancellation),
);

const endings = ["orders.order-confirmed", "orders.order-rejected", "orders.order-refused"];

Deno.test("orders answers every command with one event, ends once at most, and then never changes", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 12 }), (commands) => {
      const behaviour = behaviourOf(orders);
      const context = { ...testContext(), newId: () => ids[0] };
      let state = behaviour.initialState(orderId);
      const news: AnyEvent[] = [];
      for (const message of commands) {
        const before = state;
        const decision = behaviour.decide(state, received(message), context) as readonly AnyEvent[];
        assertEquals(decision.map(({ kind }) => kind), ["event"]);
        const event = decision[0]!;
        state = behaviour.evolve(state, event);
        if (before.phase !== "none" && before.phase !== "placed") assertEquals(state, before);
        if (event.data.isRepeat) assertEquals(state, before);
        else news.push(event);
      }
      assert(news.filter(({ type }) => type === "orders.order-placed").length <= 1);
      assert(news.filter(({ type }) => endings.includes(type)).length <= 1);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("orders adds up exactly, in any order of the lines", () => {
  fc.assert(fc.property(fc.array(lineUpTo(10_000, 99_999_999), { minLength: 1, maxLength: 100 }), (lines) => {
    const exact = lines.reduce((sum, { units, unitPriceMinor }) => sum + BigInt(units) * BigInt(unitPriceMinor), 0n);
    assertEquals(BigInt(totalMinorOf(lines)), exact);
    assertEquals(totalMinorOf(lines.toReversed()), totalMinorOf(lines));
  }));
});
