import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { sequentialIds } from "@mesh/base";
import { noWrites, type OutboxEntry, type Store, type TurnWrites } from "@mesh/store";
import type { Acceptance, RequestRef, Requests, StoredAnswer } from "./requests.ts";

/** An adapter under test. */
export interface RequestsSubject extends AsyncDisposable {
  readonly requests: Requests;
  /** The store that turns are committed to. */
  readonly store: Pick<Store, "readStatus" | "commit">;
  /** Lets that much time pass on the database's clock, or pretends so. */
  passTime(durationMs: number): Promise<void>;
}

const mina = "0198d6f0-0000-7000-8000-000000000001";
const joon = "0198d6f0-0000-7000-8000-000000000002";
const addressRef = "0198d6f0-0000-7000-8000-0000000000a1";
const answer: StoredAnswer = { status: 202, location: "/v1/orders/x", body: { status: "accepted", nested: ["장터"] } };
const request: RequestRef = { accountId: mina, key: "k1", route: "POST /v1/orders", digest: "d1" };

/**
 * Holds an adapter to the promises of the port.
 *
 * @param name Of the adapter, for the tests' names.
 * @param open Gives an empty one.
 */
export function testRequests(name: string, open: () => Promise<RequestsSubject>): void {
  for (const [promise, check] of Object.entries(promises)) {
    Deno.test(`${name} ${promise}`, async () => {
      await using subject = await open();
      await check(subject);
    });
  }
}

const promises: Readonly<Record<string, (subject: RequestsSubject) => Promise<void>>> = {
  "commits a command, its request and its order together": async ({ requests, store }) => {
    const order = orderOf(1, mina);
    const result = await requests.accept(writesOf(1), { request, answer, order });
    assertEquals([result.outcome, (await store.readStatus()).outboxCount], ["committed", 1]);
    assertEquals(await requests.find(mina, "k1"), { ...request, answer });
    const { acceptedAtMs, ...found } = (await requests.findOrder(mina, order.orderId))!;
    assertEquals([found, typeof acceptedAtMs, Number.isInteger(acceptedAtMs)], [order, "number", true]);
  },
  "writes nothing under a key that was used": async ({ requests, store }) => {
    await requests.accept(writesOf(1), { request, answer });
    const second = { request: { ...request, digest: "d2" }, answer, order: orderOf(2, mina) };
    await assertRejects(requests.accept(writesOf(2), second), { code: "store.conflict", reason: "request-known" });
    assertEquals((await store.readStatus()).outboxCount, 1);
    assertEquals(await requests.findOrder(mina, second.order.orderId), undefined);
    assertEquals(await requests.find(mina, "k1"), { ...request, answer });
  },
  "takes one of many that come at once under one key": async ({ requests, store }) => {
    const attempts = Array.from({ length: 8 }, (_, index): Acceptance => ({
      request,
      answer: { ...answer, body: index },
      order: orderOf(index, mina),
    }));
    const results = await Promise.allSettled(attempts.map((each, index) => requests.accept(writesOf(index), each)));
    const reasons = results.map((result) => result.status === "fulfilled" ? "taken" : result.reason.reason).sort();
    assertEquals(reasons.filter((reason) => reason === "taken").length, 1);
    assertEquals(reasons.filter((reason) => !["taken", "request-known", "request-under-way"].includes(reason)), []);
    const kept = await requests.listOrders(mina, { limit: 10 });
    assertEquals([kept.length, (await store.readStatus()).outboxCount], [1, 1]);
  },
  "keeps the keys of accounts apart": async ({ requests }) => {
    await requests.accept(writesOf(1), { request, answer });
    await requests.accept(writesOf(2), { request: { ...request, accountId: joon }, answer });
    assertEquals((await requests.find(joon, "k1"))?.accountId, joon);
  },
  "gives a claimed key to nobody else until it is settled, released or its lease has ended": async (subject) => {
    const { requests, passTime } = subject;
    await requests.claim(request, 30_000);
    assertEquals(await requests.find(mina, "k1"), request);
    await assertRejects(requests.claim(request, 30_000), { reason: "request-under-way" });
    await passTime(30_001);
    await assertRejects(requests.claim({ ...request, digest: "d2" }, 30_000), { reason: "request-known" });
    await requests.claim(request, 30_000);
    await requests.release(request);
    assertEquals(await requests.find(mina, "k1"), undefined);
    await requests.claim(request, 30_000);
    await requests.settle(request, answer, addressRef);
    assertEquals(await requests.find(mina, "k1"), { ...request, answer });
    assertEquals(await requests.isAddressOf(mina, addressRef), true);
    await passTime(30_001);
    await assertRejects(requests.claim(request, 30_000), { reason: "request-known" });
    // What was answered stays answered.
    await requests.release(request);
    assertEquals((await requests.find(mina, "k1"))?.answer, answer);
  },
  "shows an order to the customer alone": async ({ requests }) => {
    const order = orderOf(1, mina);
    await requests.accept(writesOf(1), { request, answer, order });
    assertEquals(await requests.findOrder(joon, order.orderId), undefined);
    assertEquals(await requests.listOrders(joon, { limit: 10 }), []);
  },
  "lists orders newest first, page by page": async ({ requests }) => {
    for (const index of [2, 0, 1]) {
      const order = orderOf(index, mina);
      await requests.accept(writesOf(index), { request: { ...request, key: `k${index}` }, answer, order });
    }
    const idsOf = async (page: { before?: string; limit: number }) =>
      (await requests.listOrders(mina, page)).map(({ orderId }) => orderId);
    const [first, second, third] = [orderIdOf(2), orderIdOf(1), orderIdOf(0)];
    assertEquals(await idsOf({ limit: 2 }), [first, second]);
    assertEquals(await idsOf({ limit: 2, before: second }), [third]);
  },
  "remembers whose an address is, and never that it became another's": async ({ requests }) => {
    await requests.noteAddresses(mina, []);
    await requests.noteAddresses(mina, [addressRef]);
    await requests.noteAddresses(joon, [addressRef]);
    assertEquals([await requests.isAddressOf(mina, addressRef), await requests.isAddressOf(joon, addressRef)], [
      true,
      false,
    ]);
  },
  "forgets keys that are old, and no orders": async ({ requests, passTime }) => {
    const order = orderOf(1, mina);
    await requests.accept(writesOf(1), { request, answer, order });
    await passTime(60_000);
    await requests.accept(writesOf(2), { request: { ...request, key: "k2" }, answer });
    assertEquals(await requests.forgetRequests(30_000), 1);
    assertEquals([await requests.find(mina, "k1"), (await requests.find(mina, "k2"))?.key], [undefined, "k2"]);
    assertEquals((await requests.findOrder(mina, order.orderId))?.orderId, order.orderId);
  },
};

function orderIdOf(index: number): string {
  return `0198d6f0-0000-7000-8000-0000000001${String(index).padStart(2, "0")}`;
}

function orderOf(index: number, customerId: string) {
  return {
    orderId: orderIdOf(index),
    customerId,
    addressRef,
    currency: "EUR",
    totalMinor: 99_999_999,
    lines: [{ sku: "TEA-0001", units: 2, unitPriceMinor: 499, priceEventId: addressRef }],
  };
}

/** A turn that sends one command. */
function writesOf(index: number): TurnWrites {
  const ids = sequentialIds(Date.UTC(2026, 0, 1) + index);
  const entry: OutboxEntry = {
    id: ids.next(),
    kind: "command",
    messageId: ids.next(),
    type: "orders.place-order",
    exchange: "mesh.commands",
    routingKey: "orders.place-order.v1.k00",
    correlation: orderIdOf(index),
    orderKey: `gateway/${orderIdOf(index)}`,
    isMandatory: true,
    headers: {},
    envelope: "unsigned",
    sentCount: 0,
  };
  return { ...noWrites, outbox: [entry] };
}
