import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { Outgoing } from "@mesh/actor";
import { given } from "@mesh/testing";
import { inventory } from "./actor.ts";
import {
  CountRefused,
  CountStock,
  ReleaseStock,
  ReserveStock,
  ShipOut,
  StockCounted,
  StockRefused,
  StockReleased,
  StockReserved,
  StockShippedOut,
} from "./contract.ts";

const sku = "TEA-0001";
const warehouse = "ams";
const countId = id(900);
const hold = { orderId: id(1), sku };
const other = { orderId: id(2), sku };
const counted = StockCounted({
  sku,
  warehouse,
  countId,
  unitsOnHand: 10,
  unitsHeld: 0,
  unitsFree: 10,
  shortfallUnits: 0,
  adjustmentUnits: 10,
});
const reserved = StockReserved({ ...hold, units: 4, warehouse, unitsFree: 6 });

Deno.test("inventory holds units that are free and says where they are", () => {
  assertEquals(given(inventory, [counted]).when(ReserveStock({ ...hold, units: 4 })), [reserved]);
});

Deno.test("inventory refuses more units than are free, and units of what was never counted", () => {
  assertEquals(given(inventory, [counted, reserved]).when(ReserveStock({ ...other, units: 7 })), [
    StockRefused({ ...other, units: 7, reason: "too-few-free", unitsFree: 6 }),
  ]);
  assertEquals(given(inventory, []).when(ReserveStock({ ...hold, units: 1 })), [
    StockRefused({ ...hold, units: 1, reason: "too-few-free", unitsFree: 0 }),
  ]);
});

Deno.test("inventory holds once for an order that asks again, also when nothing is left", () => {
  const all = StockReserved({ ...hold, units: 10, warehouse, unitsFree: 0 });

  assertEquals(given(inventory, [counted, all]).when(ReserveStock({ ...hold, units: 10 })), [all]);
  assertEquals(given(inventory, [counted, all, all]).state, given(inventory, [counted, all]).state);
});

Deno.test("inventory refuses another number of units for an order that holds some", () => {
  assertEquals(given(inventory, [counted, reserved]).when(ReserveStock({ ...hold, units: 5 })), [
    StockRefused({ ...hold, units: 5, reason: "already-held", unitsFree: 6 }),
  ]);
});

Deno.test("inventory gives back what an order holds and forgets the order", () => {
  const released = StockReleased({ ...hold, units: 4, unitsFree: 10 });

  assertEquals(given(inventory, [counted, reserved]).when(ReleaseStock(hold)), [released]);
  assertEquals(given(inventory, [counted, reserved, released]).state, given(inventory, [counted]).state);
});

Deno.test("inventory answers a release even when nothing was held", () => {
  assertEquals(given(inventory, [counted]).when(ReleaseStock(hold)), [
    StockReleased({ ...hold, units: 0, unitsFree: 10 }),
  ]);
  assertEquals(given(inventory, []).when(ReleaseStock(hold)), [StockReleased({ ...hold, units: 0, unitsFree: 0 })]);
});

Deno.test("inventory lets held units leave the house and keeps nothing of the order", () => {
  const shipped = StockShippedOut({ ...hold, units: 4, shortfallUnits: 0, unitsFree: 6 });

  assertEquals(given(inventory, [counted, reserved]).when(ShipOut(hold)), [shipped]);
  assertEquals(given(inventory, [counted, reserved, shipped]).state, {
    warehouse,
    unitsOnHand: 6,
    unitsHeld: 0,
    unitsShipped: 4,
    holds: [],
    lastCountId: countId,
  });
});

Deno.test("inventory answers a second shipping out with no units", () => {
  const shipped = StockShippedOut({ ...hold, units: 4, shortfallUnits: 0, unitsFree: 6 });

  assertEquals(given(inventory, [counted, reserved, shipped]).when(ShipOut(hold)), [
    StockShippedOut({ ...hold, units: 0, shortfallUnits: 0, unitsFree: 6 }),
  ]);
});

Deno.test("inventory promises nothing and records a shortfall when fewer units are counted than held", () => {
  const recount = { sku, warehouse, countId: id(901), unitsOnHand: 3 };
  const short = StockCounted({ ...recount, unitsHeld: 4, unitsFree: 0, shortfallUnits: 1, adjustmentUnits: -7 });
  const history = [counted, reserved, short];

  assertEquals(given(inventory, [counted, reserved]).when(CountStock(recount)), [short]);
  assertEquals(given(inventory, history).when(ReserveStock({ ...other, units: 1 })), [
    StockRefused({ ...other, units: 1, reason: "too-few-free", unitsFree: 0 }),
  ]);
  assertEquals(given(inventory, history).when(ShipOut(hold)), [
    StockShippedOut({ ...hold, units: 3, shortfallUnits: 1, unitsFree: 0 }),
  ]);
});

Deno.test("inventory corrects its books by what a count found, held units included", () => {
  const recount = { sku, warehouse, countId: id(901), unitsOnHand: 12 };

  assertEquals(given(inventory, [counted, reserved]).when(CountStock(recount)), [
    StockCounted({ ...recount, unitsHeld: 4, unitsFree: 8, shortfallUnits: 0, adjustmentUnits: 2 }),
  ]);
});

Deno.test("inventory takes the latest count once, whatever was shipped since", () => {
  const shipped = StockShippedOut({ ...hold, units: 4, shortfallUnits: 0, unitsFree: 6 });
  const again = StockCounted({
    ...{ sku, warehouse, countId, unitsOnHand: 6, unitsHeld: 0, unitsFree: 6, shortfallUnits: 0 },
    adjustmentUnits: 0,
    isRepeat: true,
  });
  const history = [counted, reserved, shipped];

  assertEquals(given(inventory, history).when(CountStock({ sku, warehouse, countId, unitsOnHand: 10 })), [again]);
  assertEquals(given(inventory, [...history, again]).state, given(inventory, history).state);
});

Deno.test("inventory refuses a count at another warehouse while units lie or are held in the first", () => {
  const elsewhere = { sku, warehouse: "ber", countId: id(901) };
  const emptied = StockCounted({
    ...counted.data,
    countId: id(902),
    unitsOnHand: 0,
    unitsFree: 0,
    adjustmentUnits: -10,
  });

  assertEquals(given(inventory, [counted]).when(CountStock({ ...elsewhere, unitsOnHand: 5 })), [
    CountRefused({ ...elsewhere, reason: "other-warehouse" }),
  ]);
  assertEquals(given(inventory, [counted, reserved, emptied]).when(CountStock({ ...elsewhere, unitsOnHand: 5 })), [
    CountRefused({ ...elsewhere, reason: "other-warehouse" }),
  ]);
  assertEquals(types(given(inventory, [counted, emptied]).when(CountStock({ ...elsewhere, unitsOnHand: 5 }))), [
    "inventory.stock-counted",
  ]);
});

Deno.test("inventory lets ten thousand orders wait for a SKU and refuses the next until one has ended", () => {
  const { evolve, decide, initialState } = inventory;
  const context = { now: new Date(0), messageId: id(0), correlation: sku, issuer: "test" };
  const plenty = { ...counted.data, unitsOnHand: 20_000 };
  let stock = evolve.StockCounted(initialState(), plenty);
  for (let order = 1; order <= 10_000; order += 1) {
    stock = evolve.StockReserved(stock, { orderId: id(order), sku, units: 1, warehouse, unitsFree: 0 });
  }
  const next = { orderId: id(10_001), sku, units: 1 };

  assertEquals(
    decide.ReserveStock(stock, next, context),
    StockRefused({ ...next, reason: "too-many-holds", unitsFree: 10_000 }),
  );
  stock = evolve.StockReleased(stock, { orderId: id(5_000), sku, units: 1, unitsFree: 10_001 });
  assertEquals(
    decide.ReserveStock(stock, next, context),
    StockReserved({ ...next, warehouse, unitsFree: 10_000 }),
  );
});

/** A UUID that stands for a small number. */
function id(number: number): string {
  return `0b9b3f0e-6a5c-7a7e-9a51-${String(number).padStart(12, "0")}`;
}

function types(outgoing: readonly Outgoing[]): string[] {
  return outgoing.map((one) => one.kind === "effect" ? one.effect : one.type);
}
