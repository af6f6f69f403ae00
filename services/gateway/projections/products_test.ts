import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ProductPut, ProductRefused, ProductRetired } from "@shop/catalog";
import type { AnyEvent } from "@mesh/contract";
import { projectedFrom } from "../gateway_fixture.ts";
import { hiddenOwner, invertedSku, type ProductRow, products } from "./products.ts";

const sku = "TEA-0001";
const put = (isListed: boolean) =>
  ProductPut({ sku, name: "Sencha", description: "", priceMinor: 499, currency: "EUR", isListed });

function play(...events: readonly AnyEvent[]): ProductRow {
  return events.reduce<ProductRow>(
    (row, event, index) =>
      products.apply(row, projectedFrom({ event, stream: `catalog/${sku}`, position: index + 1, id: `e${index}` })),
    products.initialRow(sku),
  );
}

Deno.test("a product on sale is for everybody, with the event that its price comes from", () => {
  const row = play(put(true), put(true));
  assertEquals([row.status, row.priceEventId, products.ownerOf(row)], ["listed", "e1", ""]);
});

Deno.test("a product that is unlisted, retired or only refused is for nobody", () => {
  const rows = [
    play(put(false)),
    play(put(true), ProductRetired({ sku })),
    play(ProductRefused({ sku, reason: "retired" })),
  ];
  assertEquals(rows.map(({ status }) => status), ["unlisted", "retired", "unknown"]);
  assertEquals(rows.map(products.ownerOf), [hiddenOwner, hiddenOwner, hiddenOwner]);
});

Deno.test("a refusal changes nothing", () => {
  assertEquals(play(put(true), ProductRefused({ sku, reason: "not-found" })), play(put(true)));
});

Deno.test("sort keys run against SKUs, and back", () => {
  const skus = ["AAA-0000", "TEA-0001", "TEA-0002", "ZZZ-9999"];
  assertEquals(skus.map(invertedSku).map(invertedSku), skus);
  assertEquals([...skus].sort((a, b) => invertedSku(a) < invertedSku(b) ? 1 : -1), skus);
});
