import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { openGateway } from "./gateway_fixture.ts";
import { products } from "./projections/products.ts";
import { productEvents, stock } from "./samples_fixture.ts";

Deno.test("readers follow a rebuild at once, although they keep the generation in mind", async () => {
  const { models, store, tell } = await stock(await openGateway());
  const found = async () => (await models.loadProducts(["TEA-0001", "CUP-0002"])).map(({ key }) => key).sort();
  const listed = async () => (await models.listProducts({ limit: 10 })).length;
  assertEquals([await found(), await listed()], [["CUP-0002", "TEA-0001"], 3]);
  await tell(products, productEvents, 2);
  await store.switchGeneration("products", 2);
  assertEquals([await found(), await listed()], [["CUP-0002", "TEA-0001"], 3]);
});

Deno.test("what does not exist is not there in any generation", async () => {
  const { models } = await stock(await openGateway());
  assertEquals(await models.loadProducts(["NON-0000"]), []);
  assertEquals(
    await models.findOrder("0198d6f0-0000-7000-8000-000000000001", "0198d6f0-0000-7000-8000-00000000000f"),
    undefined,
  );
});
