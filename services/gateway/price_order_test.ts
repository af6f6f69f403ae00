import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { priceOrder } from "./price_order.ts";
import type { ProductRow } from "./projections/products.ts";

const tea: ProductRow = {
  sku: "TEA-0001",
  status: "listed",
  name: "Sencha",
  description: "",
  priceMinor: 499,
  currency: "EUR",
  priceEventId: "e1",
};
const cup: ProductRow = { ...tea, sku: "CUP-0002", priceMinor: 998, priceEventId: "e2" };
const known = (...products: readonly ProductRow[]) => new Map(products.map((product) => [product.sku, product]));
const pointersOf = (pricing: ReturnType<typeof priceOrder>) =>
  pricing.outcome === "refused" ? [pricing.type, ...pricing.faults.map(({ pointer }) => pointer)] : [pricing.outcome];

Deno.test("lines are merged by SKU and cost what the shop shows", () => {
  const asked = [{ sku: tea.sku, units: 1 }, { sku: cup.sku, units: 1 }, {
    sku: tea.sku,
    units: 2,
    priceEventId: "e1",
  }];
  assertEquals(priceOrder(asked, known(tea, cup)), {
    outcome: "priced",
    order: {
      lines: [
        { sku: tea.sku, units: 3, unitPriceMinor: 499, priceEventId: "e1" },
        { sku: cup.sku, units: 1, unitPriceMinor: 998, priceEventId: "e2" },
      ],
      currency: "EUR",
      totalMinor: 2_495,
    },
  });
});

Deno.test("what is unknown, unlisted or retired cannot be ordered", () => {
  const asked = [{ sku: tea.sku, units: 1 }, { sku: cup.sku, units: 1 }, { sku: "POT-0003", units: 1 }];
  const pricing = priceOrder(asked, known(tea, { ...cup, status: "retired" }));
  assertEquals(pointersOf(pricing), ["product-unavailable", "/lines/1", "/lines/2"]);
});

Deno.test("a price that is no longer the current one refuses the order", () => {
  const pricing = priceOrder([{ sku: tea.sku, units: 1, priceEventId: "e0" }], known(tea));
  assertEquals(pointersOf(pricing), ["price-changed", "/lines/0"]);
});

Deno.test("an order has one currency", () => {
  const asked = [{ sku: tea.sku, units: 1 }, { sku: cup.sku, units: 1 }];
  assertEquals(pointersOf(priceOrder(asked, known(tea, { ...cup, currency: "KRW" }))), [
    "mixed-currencies",
    "/lines/1",
  ]);
});

Deno.test("units are bounded after merging", () => {
  const asked = [{ sku: tea.sku, units: 9_000 }, { sku: tea.sku, units: 1_001 }];
  assertEquals(pointersOf(priceOrder(asked, known(tea))), ["too-many-units", "/lines/0", "/lines/1"]);
});

Deno.test("a total that cannot be charged refuses the order", () => {
  const dear = { ...tea, priceMinor: 99_999_999 };
  assertEquals(pointersOf(priceOrder([{ sku: tea.sku, units: 2 }], known(dear))), ["total-out-of-range", "/lines/0"]);
});
