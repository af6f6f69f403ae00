import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { CountStock } from "@shop/inventory";
import { PutProduct } from "@shop/catalog";
import { PlaceOrder } from "@shop/orders";
import { openVoice, waitFor, withShop } from "./harness/mod.ts";

const ids = systemIds();
const sku = "TEA-0001";

Deno.test("an order that is placed over the mesh alone is paid, shipped and confirmed, and leaves nothing behind", async () => {
  const only = ["users", "catalog", "orders", "inventory", "payments", "shipping", "notifications", "orchestrator"];
  await withShop({ only }, async ({ shop, records }) => {
    await using gateway = await openVoice(shop, "gateway");
    const email = "buyer@example.test";
    await gateway.peers.call("users", "/v1/accounts", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password: "a long enough one", displayName: "Buyer" }),
    }).then((r) => r.body?.cancel());
    const customerId = await waitFor("the customer", async () => {
      const [row] = await records.sql("users")<{ id: string }[]>`select customer_id as id from users.account`;
      return row?.id;
    });
    const added = await gateway.peers.call("users", `/v1/customers/${customerId}/addresses`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": "first" },
      body: JSON.stringify({
        recipient: "Buyer",
        lines: ["1 Market Street"],
        postalCode: "12345",
        city: "Seoul",
        countryCode: "KR",
      }),
    });
    const { addressRef } = await added.json();
    await gateway.send(
      PutProduct({ sku, name: "Green", description: "", priceMinor: 900, currency: "EUR", isListed: true }),
    );
    await gateway.send(CountStock({ sku, warehouse: "ams", countId: ids.next(), unitsOnHand: 5 }));
    const [put] = await waitFor("the product", async () => {
      const found = await records.events("catalog", { type: "catalog.product-put" });
      return found.length > 0 && found;
    });
    const orderId = ids.next();
    await gateway.send(
      PlaceOrder({
        orderId,
        customerId,
        addressRef,
        lines: [{ sku, units: 2, unitPriceMinor: 900, priceEventId: put!.id }],
        currency: "EUR",
        paymentMethod: "pm_card_visa",
      }),
      { correlation: orderId },
    );
    const types = await waitFor("the end of the order", async () => {
      const found = await records.events("orders", { correlation: orderId });
      return found.some(({ type }) => type === "orders.order-confirmed") && found.map(({ type }) => type);
    });
    assertEquals(types, ["orders.order-placed", "orders.order-confirmed"]);
    await waitFor("the notice", async () => {
      const found = await records.events("notifications", { type: "notifications.notice-sent" });
      return found.length > 0;
    });
    const stock = await records.events("inventory", { correlation: orderId });
    assertEquals(stock.map(({ type }) => type), ["inventory.stock-reserved", "inventory.stock-shipped-out"]);
    await waitFor("quiet", async () => Object.keys(await records.unsettled()).length === 0);
    assertEquals(await records.deadLetters(), []);
    const metrics = await fetch(`${shop.internalUrl("orchestrator")}/metrics`);
    assertEquals((await metrics.text()).match(/^orchestrator_unfinished_sagas.*$/gm), [
      'orchestrator_unfinished_sagas{service="orchestrator",needs_attention="false"} 0',
      'orchestrator_unfinished_sagas{service="orchestrator",needs_attention="true"} 0',
    ]);
  });
});
