import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { sequentialIds } from "@mesh/base";
import { accounts, addresses, openGateway } from "../gateway_fixture.ts";
import { orders } from "../projections/orders.ts";
import { complete, completingOrder, newOrder, rejectedOrder, stock } from "../samples_fixture.ts";
import { readAnswer } from "./answered_fixture.ts";

async function openShop() {
  const gateway = await stock(await openGateway());
  const place = async (as: "mina" | "joon" = "mina", key = "k1"): Promise<string> => {
    const body = { ...newOrder, addressRef: addresses[as] };
    return (await (await gateway.ask("/v1/orders", { as, body, key })).json()).orderId;
  };
  const read = async (orderId: string, as: "mina" | "joon" = "mina", headers: Record<string, string> = {}) =>
    await gateway.ask(`/v1/orders/${orderId}`, { as, headers });
  return { ...gateway, gateway, place, read };
}

Deno.test("an order goes from accepted over placed to confirmed, with its progress", async () => {
  const { gateway, place, read, tell } = await openShop();
  const orderId = await place();
  const statuses = [(await (await read(orderId)).json()).status];
  await tell(orders, completingOrder(orderId).orders.slice(0, 1));
  statuses.push((await (await read(orderId)).json()).status);
  const { orders: [, confirmed], saga, shipping } = completingOrder(orderId);
  await tell(orders, [...saga, ...shipping, confirmed!]);
  const document = await (await read(orderId)).json();
  assertEquals([...statuses, document.status, document.trackingCode], ["accepted", "placed", "confirmed", "KR-1"]);
  assertEquals([document.progress[0].outcome, document.progress.at(-1).outcome, document.progress.length], [
    "placed",
    "confirmed",
    11,
  ]);
  assert(gateway.sent.length === 1);
});

Deno.test("a rejected order says why", async () => {
  const { place, read, tell } = await openShop();
  const orderId = await place();
  await tell(orders, rejectedOrder(orderId));
  const { status, reason } = await (await read(orderId)).json();
  assertEquals([status, reason], ["rejected", "out-of-stock"]);
});

Deno.test("an event of the saga that comes first changes nothing but the progress", async () => {
  const { place, read, tell } = await openShop();
  const orderId = await place();
  await tell(orders, completingOrder(orderId).saga.slice(0, 1));
  const { status, progress } = await (await read(orderId)).json();
  assertEquals([status, progress.map(({ step }: { step: string }) => step)], ["accepted", ["reserveStock"]]);
});

Deno.test("another's order is not there, in any route, accepted or placed", async () => {
  const { gateway, place, ask } = await openShop();
  const accepted = await place("joon");
  const placed = sequentialIds(Date.UTC(2026, 1)).next();
  await complete(gateway, placed, accounts.joon);
  const statuses: number[] = [];
  for (const orderId of [accepted, placed]) {
    statuses.push(
      (await ask(`/v1/orders/${orderId}`, { as: "mina" })).status,
      (await ask(`/v1/orders/${orderId}/events`, { as: "mina" })).status,
      (await ask(`/v1/orders/${orderId}/cancellation`, { as: "mina", method: "POST", key: orderId })).status,
    );
  }
  assertEquals(statuses, Array(6).fill(404));
  assertEquals((await ask(`/v1/orders/${placed}`, { as: "joon" })).status, 200);
  assertEquals((await (await ask("/v1/orders", { as: "mina" })).json()).items, []);
  assertEquals(gateway.sent.length, 1);
});

Deno.test("what is no order id is not there", async () => {
  const { ask } = await openShop();
  for (const id of ["x", "0198D6F0-0000-7000-8000-00000000000F", "%27%20or%201%3D1"]) {
    assertEquals((await ask(`/v1/orders/${id}`, { as: "mina" })).status, 404);
  }
});

Deno.test("an order that has not changed is answered 304, and 200 once it has", async () => {
  const { gateway, place, read } = await openShop();
  const orderId = await place();
  const etag = (await read(orderId)).headers.get("etag")!;
  const again = await read(orderId, "mina", { "if-none-match": etag });
  assertEquals([again.status, await again.text(), again.headers.get("etag")], [304, "", etag]);
  await complete(gateway, orderId);
  assertEquals((await read(orderId, "mina", { "if-none-match": etag })).status, 200);
});

Deno.test("lists go through all of one's own orders, newest first, wherever each is known from", async () => {
  const { gateway, place, ask } = await openShop();
  const placed = [];
  for (const key of ["a", "b", "c"]) placed.push(await place("mina", key));
  await place("joon", "d");
  // Told by its events alone: accepted by a gateway whose own rows were lost.
  const told = sequentialIds(Date.UTC(2026, 1)).next();
  await complete(gateway, told);
  await complete(gateway, placed[1]!);
  const seen: string[] = [];
  for (let path: string | undefined = "/v1/orders?limit=3"; path !== undefined;) {
    const { body, headers }: Awaited<ReturnType<typeof readAnswer>> = await readAnswer(await ask(path, { as: "mina" }));
    seen.push(...body.items.map(({ orderId }: { orderId: string }) => orderId));
    path = /^<(.+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1];
    assertEquals(path === undefined, body.nextCursor === undefined);
  }
  assertEquals(seen, [told, ...placed.toReversed()]);
});

Deno.test("cursors and limits that nobody gave are refused", async () => {
  const { ask } = await openShop();
  const { nextCursor } = await (await ask("/v1/products?limit=1")).json();
  for (const query of ["cursor=x", `cursor=${nextCursor}`, "limit=0", "limit=101", "limit=x", "order=1"]) {
    const { status, body } = await readAnswer(await ask(`/v1/orders?${query}`, { as: "mina" }));
    assertEquals([query, status, body.errors[0].in], [query, 400, "query"]);
  }
});

Deno.test("POST …/cancellation asks orders to cancel, in the customer's name", async () => {
  const { place, ask, sent } = await openShop();
  const orderId = await place();
  const cancel = () => ask(`/v1/orders/${orderId}/cancellation`, { as: "mina", method: "POST", key: "c1" });
  const [first, again] = [await readAnswer(await cancel()), await readAnswer(await cancel())];
  assertEquals([first.status, again.body], [202, first.body]);
  const [, { command, correlation, id } = {}] = sent;
  assertEquals([command?.type, command?.data, correlation, id], [
    "orders.cancel-order",
    { orderId, customerId: accounts.mina },
    orderId,
    first.body.commandId,
  ]);
  assertEquals(sent.length, 2);
});

Deno.test("an order that has ended cannot be cancelled, nor one that changed since it was read", async () => {
  const { gateway, place, read, ask, sent } = await openShop();
  const orderId = await place();
  const etag = (await read(orderId)).headers.get("etag")!;
  const cancel = async (headers: Record<string, string> = {}) => {
    const path = `/v1/orders/${orderId}/cancellation`;
    return await readAnswer(await ask(path, { as: "mina", method: "POST", key: "c1", headers }));
  };
  await complete(gateway, orderId);
  assertEquals((await cancel({ "if-match": etag })).status, 412);
  const ended = await cancel();
  assertEquals([ended.status, ended.body.type], [409, "urn:jangteo:problem:order-ended"]);
  assertEquals(sent.length, 1);
});
