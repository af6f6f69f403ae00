import { deepStrictEqual as assertEquals, match, rejects } from "node:assert/strict";
import { startCarrier, undeliverablePostcode } from "@jangteo/tests/simulators";
import type { EffectCall } from "@mesh/actor";
import { ManualClock, UnavailableError } from "@mesh/base";
import { type Address, type Carrier, createCarrier } from "./carrier.ts";

const unavailable = { code: "dependency.unavailable" };
const request = { orderId: "o-1", addressRef: "addr-1", parcels: [{ sku: "TEA-0001", units: 2, warehouse: "ams" }] };
const address: Address = {
  name: "Mina Park",
  lines: ["1 Market Road"],
  postcode: "04524",
  city: "Seoul",
  country: "KR",
};

const call = (idempotencyKey: string, attempt = 1, signal = new AbortController().signal): EffectCall => ({
  idempotencyKey,
  attempt,
  signal,
});

interface Bench {
  readonly carrier: Carrier["book-shipment"];
  readonly clock: ManualClock;
  switches(switches: Record<string, number>): Promise<void>;
  ledger(): Promise<{ readonly totals: { readonly shipments: number }; readonly orders: Record<string, unknown> }>;
}

async function withBench(
  use: (bench: Bench) => Promise<void>,
  resolveAddress: () => Promise<Address | undefined> = () => Promise.resolve(address),
): Promise<void> {
  const clock = new ManualClock();
  await using simulator = await startCarrier({ clock });
  await use({
    carrier: createCarrier({ baseUrl: simulator.url, resolveAddress })["book-shipment"],
    clock,
    switches: async (switches) => {
      const response = await fetch(`${simulator.url}/_simulator/switches`, {
        method: "PUT",
        body: JSON.stringify(switches),
      });
      await response.body?.cancel();
    },
    ledger: async () => await (await fetch(`${simulator.url}/_simulator/ledger`)).json(),
  });
}

Deno.test("a shipment is booked under its order, and two performs with the same key are one shipment", () =>
  withBench(async ({ carrier, ledger }) => {
    const first = await carrier.perform(request, call("k1"));
    const again = await carrier.perform(request, call("k1", 2));
    const trackingCode = first.result === "booked" ? first.trackingCode : "";

    match(trackingCode, /^JT/);
    assertEquals(again, first);
    assertEquals((await ledger()).orders, { "o-1": { shipments: 1, trackingCodes: [trackingCode] } });
  }));

Deno.test("an address that is unknown or not delivered to is refused for a reason", async () => {
  await withBench(async ({ carrier, ledger }) => {
    assertEquals(await carrier.perform(request, call("k1")), { result: "refused", reason: "address_unknown" });
    assertEquals((await ledger()).orders, {});
  }, () => Promise.resolve(undefined));
  await withBench(async ({ carrier }) => {
    assertEquals(await carrier.perform(request, call("k1")), { result: "refused", reason: "address_undeliverable" });
  }, () => Promise.resolve({ ...address, postcode: undeliverablePostcode }));
});

Deno.test("a booking whose answer is lost is unavailable, and find tells that it happened", () =>
  withBench(async ({ carrier, switches, ledger }) => {
    const before = await carrier.find?.(request, call("k1"));
    await switches({ loseAnswerCount: 1 });
    await rejects(carrier.perform(request, call("k1")), unavailable);
    const found = await carrier.find?.(request, call("k1", 2));
    const again = await carrier.perform(request, call("k1", 3));

    assertEquals([before, found, (await ledger()).totals.shipments], [undefined, again, 1]);
  }));

Deno.test("a late answer is unavailable at the deadline, and find tells what was done", () =>
  withBench(async ({ carrier, switches, clock, ledger }) => {
    await switches({ delayMs: 60_000 });
    const deadline = new AbortController();
    const booked = carrier.perform(request, call("k1", 1, deadline.signal));
    while (clock.waitingCount === 0) await ledger();
    deadline.abort();
    await rejects(booked, unavailable);
    await switches({});

    assertEquals((await carrier.find?.(request, call("k1", 2)))?.result, "booked");
  }));

Deno.test("a fault of the carrier, too many requests and refused credentials are unavailable", () =>
  withBench(async ({ carrier, switches }) => {
    for (const failStatus of [500, 503, 429, 401, 403]) {
      await switches({ failCount: 2, failStatus });
      await rejects(carrier.perform(request, call("k1")), unavailable);
      await rejects(async () => await carrier.find?.(request, call("k1")), unavailable);
    }
  }));

Deno.test("a malformed request and a key used for another shipment are defects", () =>
  withBench(async ({ carrier }) => {
    await carrier.perform(request, call("k1"));

    await rejects(carrier.perform({ ...request, parcels: [] }, call("k2")), { code: "defect" });
    await rejects(carrier.perform({ ...request, orderId: "o-2" }, call("k1")), { code: "defect" });
  }));

Deno.test("a booking that is delivered twice is one shipment", () =>
  withBench(async ({ carrier, switches, ledger }) => {
    await switches({ duplicateCount: 1 });
    await carrier.perform(request, call("k1"));

    assertEquals((await ledger()).totals.shipments, 1);
  }));

Deno.test("nothing is booked while the address cannot be learned", () =>
  withBench(async ({ carrier, ledger }) => {
    await rejects(carrier.perform(request, call("k1")), unavailable);

    assertEquals((await ledger()).totals.shipments, 0);
  }, () => Promise.reject(new UnavailableError("Cannot resolve address: users does not answer"))));

Deno.test("an answer that is no answer of a carrier is unavailable", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => Response.json({ hello: "world" }),
  );
  const carrier = createCarrier({
    baseUrl: `http://127.0.0.1:${server.addr.port}`,
    resolveAddress: () => Promise.resolve(address),
  })["book-shipment"];

  await rejects(carrier.perform(request, call("k1")), unavailable);
  await rejects(async () => await carrier.find?.(request, call("k1")), unavailable);
});

Deno.test("a carrier that does not listen is unavailable", async () => {
  const gone = await startCarrier();
  await gone[Symbol.asyncDispose]();
  const carrier = createCarrier({ baseUrl: gone.url, resolveAddress: () => Promise.resolve(address) })["book-shipment"];

  await rejects(carrier.perform(request, call("k1")), unavailable);
});
