import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { slotOfKey } from "@mesh/contract";
import { contracts as catalog } from "@shop/catalog";
import { contracts as inventory } from "@shop/inventory";
import { contracts as orchestrator } from "@shop/orchestrator";
import { contracts as orders } from "@shop/orders";
import { contracts as shipping } from "@shop/shipping";
import { orders as ordersProjection, streamsOf } from "./projections/orders.ts";
import { products } from "./projections/products.ts";
import { service } from "./service.ts";

const heard = service.subscribes.map(({ event }) => event);
const eventsOf = (contracts: readonly { readonly kind: string; readonly type: string }[]) =>
  contracts.filter(({ kind }) => kind === "event").map(({ type }) => type).sort();

Deno.test("the gateway hears everything that the streams behind its rows may say", () => {
  for (const contracts of [catalog, orders, orchestrator, shipping]) {
    const [{ service: owner } = { service: "" }] = contracts;
    assertEquals(eventsOf(heard.filter((event) => event.service === owner)), eventsOf(contracts));
  }
});

Deno.test("what the read models subscribe to is what the service hears of their owners", () => {
  const projected = [...products.subscribes, ...ordersProjection.subscribes];
  assertEquals(eventsOf(projected), eventsOf(heard.filter((event) => event.service !== "inventory")));
});

Deno.test("every command that the gateway sends has its answers among what it hears", () => {
  const ownersOfAnswers = new Set(heard.map((event) => event.service));
  assert(service.sends.every((command) => ownersOfAnswers.has(command.service)));
  const counted = eventsOf(inventory).filter((type) => /count/.test(type));
  assertEquals(eventsOf(heard.filter((event) => event.service === "inventory")), counted);
});

Deno.test("all sources of an order's row reach the same partition", () => {
  const orderId = "0198d6f0-0000-7000-8000-00000000000f";
  const slots = Object.values(streamsOf(orderId)).map((stream) => slotOfKey(stream.slice(stream.indexOf("/") + 1)));
  assertEquals(new Set(slots).size, 1);
  assert(service.subscribes.every(({ by }) => by === "key"));
});
