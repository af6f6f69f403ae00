import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { faultsOfRun, type RunFacts } from "./judge_run.ts";

const confirmed = "orders.order-confirmed";
const charged = { captures: 1, capturedMinor: 900, refundedMinor: 0, heldMinor: 0 };
const books = { sku: "BEN-0000", unitsReserved: 2, unitsReleased: 0, unitsShipped: 2, unitsFree: 8 };
const good: RunFacts = {
  orders: [{ orderId: "a", sku: "BEN-0000", end: confirmed }, { orderId: "b", sku: "BEN-0000", end: confirmed }],
  unitsPerSku: 10,
  priceMinor: 900,
  stock: [books],
  ledger: { a: charged, b: charged },
  statuses: { confirmed: 2 },
  deadLetters: 0,
  unsettled: 0,
};

Deno.test("a run in which everything is where it belongs has no faults", () => {
  assertEquals(faultsOfRun(good), []);
});

const wrongRuns: Readonly<Record<string, Partial<RunFacts>>> = {
  "an order that ended otherwise": { orders: [good.orders[0]!, { ...good.orders[1]!, end: "orders.order-rejected" }] },
  "an order that the read model does not know as confirmed": { statuses: { confirmed: 1, placed: 1 } },
  "two orders with one id": { orders: [good.orders[0]!, good.orders[0]!], ledger: { a: charged } },
  "a unit that was reserved and never shipped": { stock: [{ ...books, unitsShipped: 1 }] },
  "a unit that was given back": { stock: [{ ...books, unitsReleased: 1 }] },
  "a unit that vanished": { stock: [{ ...books, unitsFree: 7 }] },
  "a product without books": { stock: [] },
  "an order that was never charged": { ledger: { a: charged } },
  "an order that was charged twice": { ledger: { a: charged, b: { ...charged, captures: 2, capturedMinor: 1_800 } } },
  "an order that was charged another sum": { ledger: { a: charged, b: { ...charged, capturedMinor: 901 } } },
  "money that is still held": { ledger: { a: charged, b: { ...charged, heldMinor: 900 } } },
  "a charge without an order": { ledger: { a: charged, b: charged, c: charged } },
  "a dead letter": { deadLetters: 1 },
  "a message that is still under way": { unsettled: 1 },
};

for (const [name, wrong] of Object.entries(wrongRuns)) {
  Deno.test(`a run does not count with ${name}`, () => {
    assertEquals(faultsOfRun({ ...good, ...wrong }).length, 1);
  });
}
