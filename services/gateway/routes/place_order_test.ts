import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { noWrites } from "@mesh/store";
import { ProductRetired } from "@shop/catalog";
import { accounts, addresses, openGateway } from "../gateway_fixture.ts";
import { products } from "../projections/products.ts";
import { newOrder, priceEvents, productEvents, stock } from "../samples_fixture.ts";
import { type Answered, type AskOptions, readAnswer } from "./answered_fixture.ts";

async function openShop(env: Readonly<Record<string, string>> = {}) {
  const gateway = await stock(await openGateway(env));
  const place = async (options: AskOptions = {}): Promise<Answered> =>
    await readAnswer(await gateway.ask("/v1/orders", { as: "mina", body: newOrder, key: "k1", ...options }));
  return { ...gateway, place };
}

Deno.test("POST /v1/orders takes the order, priced as shown, and sends one command in the customer's name", async () => {
  const { place, sent, ask } = await openShop();
  const { status, body, headers } = await place();
  const { orderId } = body;
  assertEquals([status, body, headers.get("location")], [
    202,
    { orderId, status: "accepted" },
    `/v1/orders/${orderId}`,
  ]);
  const [{ command, correlation, cause } = {}] = sent;
  assertEquals([command?.type, command?.key, correlation, cause?.subject, cause?.via, cause?.tokenHash?.length], [
    "orders.place-order",
    orderId,
    orderId,
    accounts.mina,
    "gateway",
    43,
  ]);
  assertEquals(command?.data, {
    orderId,
    customerId: accounts.mina,
    addressRef: addresses.mina,
    lines: [
      { sku: "TEA-0001", units: 2, unitPriceMinor: 499, priceEventId: priceEvents.tea },
      { sku: "CUP-0002", units: 1, unitPriceMinor: 998, priceEventId: priceEvents.cup },
    ],
    currency: "EUR",
    paymentMethod: "pm_card_visa",
  });
  const read = await (await ask(`/v1/orders/${orderId}`, { as: "mina" })).json();
  assertEquals([read.status, read.totalMinor, read.progress], ["accepted", 1_996, []]);
});

Deno.test("the same key gives the same answer and sends nothing more", async () => {
  const { place, sent } = await openShop();
  const [first, again] = [await place(), await place()];
  assertEquals([again.status, again.body, again.headers.get("location")], [
    first.status,
    first.body,
    first.headers.get("location"),
  ]);
  assertEquals([first.headers.get("idempotency-replayed"), again.headers.get("idempotency-replayed")], [null, "true"]);
  assertEquals(sent.length, 1);
});

Deno.test("the same key with another body is refused, and another customer's same key is not", async () => {
  const { place, sent } = await openShop();
  await place();
  const other = await place({ body: { ...newOrder, paymentMethod: "pm_other" } });
  assertEquals([other.status, other.body.type], [422, "urn:jangteo:problem:idempotency-key-reused"]);
  const joon = await place({ as: "joon", body: { ...newOrder, addressRef: addresses.joon } });
  assertEquals([joon.status, sent.length], [202, 2]);
});

Deno.test("two at once with one key are one order", async () => {
  const { place, sent } = await openShop();
  const answers = await Promise.all([place(), place(), place()]);
  const statuses = answers.map(({ status }) => status).sort();
  assertEquals([sent.length, statuses.every((status) => status === 202 || status === 409)], [1, true]);
  assertEquals(new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.orderId)).size, 1);
});

Deno.test("a write without a usable key is refused", async () => {
  const { ask, sent } = await openShop();
  for (const headers of [{}, { "idempotency-key": "" }, { "idempotency-key": "a b" }] as Record<string, string>[]) {
    const response = await readAnswer(await ask("/v1/orders", { as: "mina", body: newOrder, headers }));
    assertEquals([response.status, response.body.errors[0].pointer], [400, "/idempotency-key"]);
  }
  assertEquals(sent, []);
});

Deno.test("quotes around a key are no part of it", async () => {
  const { place, sent } = await openShop();
  await place({ key: "k1" });
  await place({ key: '"k1"' });
  assertEquals(sent.length, 1);
});

Deno.test("what is not on sale, or costs something else by now, is refused with the lines' places", async () => {
  const { place, sent } = await openShop();
  const refusal = async (line: Record<string, unknown>) => {
    const { status, body } = await place({ body: { ...newOrder, lines: [newOrder.lines[0], line] } });
    return [status, body.type, body.errors.map(({ pointer }: { pointer: string }) => pointer)];
  };
  const problem = (word: string) => [422, `urn:jangteo:problem:${word}`, ["/lines/1"]];
  assertEquals(await refusal({ sku: "POT-0003", units: 1 }), problem("product-unavailable"));
  assertEquals(await refusal({ sku: "NON-0000", units: 1 }), problem("product-unavailable"));
  assertEquals(await refusal({ sku: "WON-0004", units: 1 }), problem("mixed-currencies"));
  const old = { sku: "CUP-0002", units: 1, priceEventId: priceEvents.tea };
  assertEquals(await refusal(old), problem("price-changed"));
  assertEquals(sent, []);
});

Deno.test("what was taken is answered again as it was, also when it would be refused by now", async () => {
  const { place, tell, sent } = await openShop();
  const first = await place();
  const retired = ProductRetired({ sku: "TEA-0001" });
  await tell(products, [{ event: retired, stream: "catalog/TEA-0001", position: 2 }]);
  assertEquals((await place({ key: "k2" })).status, 422);
  const again = await place();
  assertEquals([again.status, again.body, again.headers.get("idempotency-replayed")], [202, first.body, "true"]);
  const other = await place({ body: { ...newOrder, paymentMethod: "pm_other" } });
  assertEquals([other.status, other.body.type], [422, "urn:jangteo:problem:idempotency-key-reused"]);
  assertEquals(sent.length, 1);
});

Deno.test("a refusal is not kept: the same key works once the cause is gone", async () => {
  const gateway = await openGateway();
  const ask = async () => (await gateway.ask("/v1/orders", { as: "mina", body: newOrder, key: "k1" })).status;
  assertEquals(await ask(), 422);
  await gateway.tell(products, productEvents);
  assertEquals(await ask(), 202);
});

Deno.test("nobody orders to an address of somebody else", async () => {
  const { place, sent } = await openShop();
  const { status, body } = await place({ body: { ...newOrder, addressRef: addresses.joon } });
  assertEquals([status, body.type, sent.length], [422, "urn:jangteo:problem:address-unknown", 0]);
});

Deno.test("with users away a customer can order to an address that was seen, and gets 503 for one that was not", async () => {
  const { place, ask, users } = await openShop();
  await ask("/v1/me/addresses", { as: "mina" });
  users.state.isAway = true;
  assertEquals((await place()).status, 202);
  const unseen = await place({ as: "joon", key: "k2", body: { ...newOrder, addressRef: addresses.joon } });
  assertEquals([unseen.status, unseen.headers.get("retry-after")], [503, "2"]);
});

Deno.test("too many unanswered orders are answered 503 until some are answered", async () => {
  const { place, store, clock } = await openShop({ GATEWAY_UNANSWERED_MAX: "2" });
  const statuses = [];
  for (const key of ["a", "b", "c"]) statuses.push((await place({ key })).status);
  assertEquals(statuses, [202, 202, 503]);
  // A repeat of what was taken is answered all the same.
  assertEquals((await place({ key: "a" })).status, 202);
  const [entry] = await store.claimOutbox({ limit: 1, olderThanMs: 0, leaseMs: 1 });
  await store.commit({ ...noWrites, answered: [entry!.messageId] });
  await clock.advance(1_000);
  assertEquals((await place({ key: "c" })).status, 202);
});

Deno.test("with the database away an order is answered 503, and nothing of it is left", async () => {
  const { place, store, sent } = await openShop();
  await place({ key: "warm" });
  store.failNext(1, { operation: "commit" });
  const away = await place({ key: "k2" });
  assertEquals([away.status, away.body.type, away.headers.get("retry-after")], [
    503,
    "urn:jangteo:problem:unavailable",
    "2",
  ]);
  assertEquals([(await place({ key: "k2" })).status, sent.length], [202, 2]);
});

Deno.test("a body that is not as described is refused with every place", async () => {
  const { place, sent } = await openShop();
  const faultsOf = async (body: unknown) => {
    const answer = await place({ body });
    assertEquals([answer.status, answer.body.type], [400, "urn:jangteo:problem:invalid-request"]);
    return answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
  };
  assertEquals(await faultsOf({ ...newOrder, role: "staff", price: 1 }), ["/price", "/role"]);
  assertEquals(await faultsOf({ ...newOrder, lines: [{ sku: "tea", units: 0, unitPriceMinor: 1 }] }), [
    "/lines/0/sku",
    "/lines/0/unitPriceMinor",
    "/lines/0/units",
  ]);
  assertEquals(await faultsOf({ ...newOrder, lines: [] }), ["/lines"]);
  assertEquals(await faultsOf({ ...newOrder, lines: Array(101).fill(newOrder.lines[0]) }), ["/lines"]);
  assertEquals(await faultsOf({ ...newOrder, addressRef: addresses.mina.toUpperCase() }), ["/addressRef"]);
  assertEquals(sent, []);
});
