import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { startCarrier, undeliverablePostcode } from "./carrier.ts";

const recipient = { name: "Mina Park", lines: ["1 Market Road"], postcode: "04524", city: "Seoul", country: "KR" };
const parcels = [{ sku: "TEA-0001", units: 2 }];
const shipment = { reference: "o-1", recipient, parcels };

function clientOf(url: string) {
  return {
    book: async (body: unknown, key?: string) => {
      const response = await fetch(`${url}/v1/shipments`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) },
        body: JSON.stringify(body),
      });
      const answer = await response.json() as { trackingCode?: string; error?: { code: string } };
      return { status: response.status, ...answer };
    },
    find: async (reference: string) => {
      const response = await fetch(`${url}/v1/shipments?reference=${reference}`);
      return (await response.json() as { shipments: { trackingCode: string }[] }).shipments;
    },
    switches: async (switches: Record<string, number>) => {
      const response = await fetch(`${url}/_simulator/switches`, { method: "PUT", body: JSON.stringify(switches) });
      await response.body?.cancel();
    },
    ledger: async () => {
      const response = await fetch(`${url}/_simulator/ledger?order=o-1`);
      return await response.json() as { totals: { shipments: number }; requests: Record<string, number> };
    },
  };
}

Deno.test("the carrier books a shipment that can be found by its reference", async () => {
  await using carrier = await startCarrier();
  const client = clientOf(carrier.url);
  const booked = await client.book(shipment, "k1");
  const found = await client.find("o-1");

  assertEquals([booked.status, found.map(({ trackingCode }) => trackingCode)], [201, [booked.trackingCode]]);
  assertEquals(await client.find("o-2"), []);
});

Deno.test("the same key gives the same shipment, and none for another body", async () => {
  await using carrier = await startCarrier();
  const client = clientOf(carrier.url);
  const first = await client.book(shipment, "k1");
  const again = await client.book(shipment, "k1");
  const other = await client.book({ ...shipment, parcels: [{ sku: "TEA-0002", units: 1 }] }, "k1");

  assertEquals([again, other.status, other.error?.code], [first, 409, "idempotency_mismatch"]);
  assertEquals((await client.ledger()).totals.shipments, 1);
});

Deno.test("the carrier refuses a malformed request and an address that it does not deliver to", async () => {
  await using carrier = await startCarrier();
  const client = clientOf(carrier.url);
  const malformed = await client.book({ ...shipment, parcels: [] }, "k1");
  const nowhere = await client.book(
    { ...shipment, recipient: { ...recipient, postcode: undeliverablePostcode } },
    "k2",
  );

  assertEquals(
    [malformed.status, malformed.error?.code, nowhere.status, nowhere.error?.code],
    [400, "request_invalid", 422, "address_undeliverable"],
  );
});

Deno.test("failCount fails the carrier before anything is booked", async () => {
  await using carrier = await startCarrier();
  const client = clientOf(carrier.url);
  await client.switches({ failCount: 1 });
  const failed = await client.book(shipment, "k1");
  const later = await client.book(shipment, "k1");

  assertEquals([failed.status, later.status, (await client.ledger()).totals.shipments], [500, 201, 1]);
});

Deno.test("loseAnswerCount books and loses the answer, and the reference tells what was booked", async () => {
  await using carrier = await startCarrier();
  const client = clientOf(carrier.url);
  await client.switches({ loseAnswerCount: 1 });
  await rejects(client.book(shipment, "k1"), TypeError);
  const [found] = await client.find("o-1");
  const again = await client.book(shipment, "k1");

  assertEquals(again.trackingCode, found?.trackingCode);
  const { totals, requests } = await client.ledger();
  assertEquals([totals.shipments, requests.answersLost, requests.replayed], [1, 1, 1]);
});

Deno.test("duplicateCount delivers a booking twice, and the key makes it one", async () => {
  await using carrier = await startCarrier();
  const client = clientOf(carrier.url);
  await client.switches({ duplicateCount: 2 });
  await client.book(shipment, "k1");
  const withKey = (await client.ledger()).totals.shipments;
  await client.book(shipment);

  assertEquals([withKey, (await client.ledger()).totals.shipments], [1, 3]);
});

Deno.test("delayMs books at once and holds the answer back", async () => {
  const clock = new ManualClock();
  await using carrier = await startCarrier({ clock });
  const client = clientOf(carrier.url);
  await client.switches({ delayMs: 5_000 });
  const answer = client.book(shipment, "k1");
  while (clock.waitingCount === 0) await client.ledger();
  const bookedBefore = (await client.ledger()).totals.shipments;
  await clock.advance(5_000);

  assertEquals([bookedBefore, (await answer).status], [1, 201]);
});

Deno.test("a restart forgets no shipment and no key, and its file holds no address", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const journalPath = `${directory}/carrier.jsonl`;
    const first = await (async () => {
      await using carrier = await startCarrier({ journalPath });
      return await clientOf(carrier.url).book(shipment, "k1");
    })();
    await using carrier = await startCarrier({ journalPath });

    assertEquals(await clientOf(carrier.url).book(shipment, "k1"), first);
    assertEquals(/Mina|Market Road|04524/.test(await Deno.readTextFile(journalPath)), false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
