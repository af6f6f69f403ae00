import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import fc from "fast-check";
import { behaviourOf } from "@mesh/actor";
import type { AnyCommand, AnyEvent } from "@mesh/contract";
import { received, testContext } from "@mesh/testing";
import { inventory, type StockState } from "./actor.ts";
import { CountStock, ReleaseStock, ReserveStock, ShipOut } from "./contract.ts";

const sku = "TEA-0001";
const warehouse = "ams";

const orderId = fc.integer({ min: 1, max: 6 }).map(id);
const units = fc.integer({ min: 1, max: 8 });
const command: fc.Arbitrary<AnyCommand> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(orderId, units).map(([orderId, units]) => ReserveStock({ orderId, sku, units })) },
  { weight: 2, arbitrary: orderId.map((orderId) => ReleaseStock({ orderId, sku })) },
  { weight: 2, arbitrary: orderId.map((orderId) => ShipOut({ orderId, sku })) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.integer({ min: 900, max: 903 }).map(id), fc.integer({ min: 0, max: 20 })).map(
      ([countId, unitsOnHand]) => CountStock({ sku, warehouse, countId, unitsOnHand }),
    ),
  },
);

Deno.test("inventory's sums hold, nothing is negative and no ended order is kept, whatever comes in whatever order", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      let adjustedUnits = 0;
      const live = new Map<string, number>();
      run(commands, (event, before, after) => {
        const { data } = event;
        if (event.type === "inventory.stock-counted") adjustedUnits += data.adjustmentUnits;
        if (event.type === "inventory.stock-reserved") live.set(data.orderId, data.units);
        if (["inventory.stock-released", "inventory.stock-shipped-out"].includes(event.type)) live.delete(data.orderId);

        assertEquals(after.unitsOnHand + after.unitsShipped, adjustedUnits);
        assertEquals(new Map(after.holds.map(({ orderId, units }) => [orderId, units])), live);
        assertEquals(after.unitsHeld, after.holds.reduce((sum, { units }) => sum + units, 0));
        assert(after.unitsOnHand >= 0 && after.unitsHeld >= 0 && after.unitsShipped >= before.unitsShipped);
        assertEquals(after.holds.map(({ orderId }) => orderId), [...live.keys()].sort());
        if ("unitsFree" in data) assertEquals(data.unitsFree, Math.max(0, after.unitsOnHand - after.unitsHeld));
      });
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("inventory never holds more than is there unless a count found too few", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      run(commands, (event, before, after) => {
        const isNewHold = event.type === "inventory.stock-reserved" && after.unitsHeld > before.unitsHeld;
        if (isNewHold) assert(after.unitsHeld <= after.unitsOnHand, `oversold: ${JSON.stringify(after)}`);
        const shortUnits = ({ unitsHeld, unitsOnHand }: StockState) => Math.max(0, unitsHeld - unitsOnHand);
        if (event.type !== "inventory.stock-counted") assert(shortUnits(after) <= shortUnits(before));
      });
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("inventory serves exactly ten of a hundred buyers of ten units, in any order", () => {
  const buyers = fc.shuffledSubarray(Array.from({ length: 100 }, (_, at) => id(at + 1)), { minLength: 100 });
  fc.assert(
    fc.property(buyers, (orderIds) => {
      const asks = orderIds.map((orderId) => ReserveStock({ orderId, sku, units: 1 }));
      const count = CountStock({ sku, warehouse, countId: id(900), unitsOnHand: 10 });
      const said = new Map<string, number>();
      run([count, ...asks], ({ type }) => said.set(type, (said.get(type) ?? 0) + 1));
      assertEquals(Object.fromEntries(said), {
        "inventory.stock-counted": 1,
        "inventory.stock-reserved": 10,
        "inventory.stock-refused": 90,
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("inventory's state is as small after many thousand orders as before the first", () => {
  const count = CountStock({ sku, warehouse, countId: id(900), unitsOnHand: 10_000 });
  const passing = Array.from({ length: 5_000 }, (_, at) => id(at + 1)).flatMap((orderId) => [
    ReserveStock({ orderId, sku, units: 1 }),
    Number(orderId.slice(-1)) % 2 === 0 ? ShipOut({ orderId, sku }) : ReleaseStock({ orderId, sku }),
  ]);
  assertEquals(run([count, ...passing], () => {}), {
    warehouse,
    unitsOnHand: 7_500,
    unitsHeld: 0,
    unitsShipped: 2_500,
    holds: [],
    lastCountId: id(900),
  });
});

/** Lets the commands come one by one; each must be answered by one event. */
function run(
  commands: readonly AnyCommand[],
  see: (event: AnyEvent, before: StockState, after: StockState) => void,
): StockState {
  const behaviour = behaviourOf(inventory);
  const context = { ...testContext(), newId: () => id(0) };
  let state = behaviour.initialState(sku);
  for (const message of commands) {
    const decision = behaviour.decide(state, received(message), context) as readonly AnyEvent[];
    assertEquals(decision.map(({ kind }) => kind), ["event"]);
    const after = behaviour.evolve(state, decision[0]!);
    see(decision[0]!, state, after);
    state = after;
  }
  return state;
}

/** A UUID that stands for a small number. */
function id(number: number): string {
  return `0b9b3f0e-6a5c-7a7e-9a51-${String(number).padStart(12, "0")}`;
}
