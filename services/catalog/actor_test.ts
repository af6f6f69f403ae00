import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { given } from "@mesh/testing";
import { catalog } from "./actor.ts";
import { ProductPut, ProductRefused, ProductRetired, PutProduct, RetireProduct } from "./contract.ts";

const sku = "TEA-0001";
const tea = { sku, name: "Sencha", description: "", priceMinor: 450, currency: "EUR", isListed: true };

Deno.test("catalog creates a product it has not seen", () => {
  assertEquals(given(catalog, []).when(PutProduct(tea)), [ProductPut(tea)]);
});

Deno.test("catalog replaces a product as a whole", () => {
  const dearer = { ...tea, priceMinor: 500, isListed: false };

  assertEquals(given(catalog, [ProductPut(tea)]).when(PutProduct(dearer)), [ProductPut(dearer)]);
});

Deno.test("catalog retires a product once and for good", () => {
  assertEquals(given(catalog, [ProductPut(tea)]).when(RetireProduct({ sku })), [ProductRetired({ sku })]);

  const retired = given(catalog, [ProductPut(tea), ProductRetired({ sku })]);
  const refused = [ProductRefused({ sku, reason: "retired" })];
  assertEquals(retired.when(RetireProduct({ sku })), refused);
  assertEquals(retired.when(PutProduct(tea)), refused);
});

Deno.test("catalog stays as it is after a refusal", () => {
  const history = [ProductPut(tea), ProductRetired({ sku }), ProductRefused({ sku, reason: "retired" })];

  assertEquals(given(catalog, history).state, { status: "retired" });
});

Deno.test("catalog refuses to retire a product that never was", () => {
  assertEquals(given(catalog, []).when(RetireProduct({ sku })), [ProductRefused({ sku, reason: "not-found" })]);
});

Deno.test("catalog takes neither prices of nothing nor fractions nor text that cannot be signed", () => {
  for (const wrong of [{ priceMinor: 0 }, { priceMinor: 4.5 }, { name: "" }, { name: "\uD800" }, { sku: "tea-1" }]) {
    assertThrows(() => PutProduct({ ...tea, ...wrong }), { code: "contract.invalid" });
  }
});
