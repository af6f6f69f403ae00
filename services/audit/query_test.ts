import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { encodePlace, readEventsQuery } from "./query.ts";

const order = "0198d6f0-0000-7000-8000-000000000001";
const read = (query: string) => readEventsQuery(new URLSearchParams(query));

Deno.test("a query names what it narrows to, and means an order's flow by its correlation", () => {
  const kid = "k".repeat(43);
  assertEquals(read(`order=${order}&type=orders.order-placed&signer=orders&actor=mina&kid=${kid}&limit=7`), {
    filters: { order, type: "orders.order-placed", signer: "orders", actor: "mina", kid },
    query: { correlation: order, type: "orders.order-placed", signer: "orders", actor: "mina", kid, limit: 7 },
  });
  assertEquals(read("subject=orchestrator/place-order/o-1").query, {
    subject: "orchestrator/place-order/o-1",
    limit: 50,
  });
});

Deno.test("a time stands for milliseconds, wherever its clock stands", () => {
  assertEquals(read("from=2026-01-01T09:00:00%2B09:00&to=2026-01-01T00:00:01.5Z").query, {
    limit: 50,
    fromMs: Date.UTC(2026, 0, 1),
    toMs: Date.UTC(2026, 0, 1) + 1_500,
  });
});

Deno.test("a cursor brings back its place", () => {
  const place = { recordedAtMs: 1_767_225_600_001, position: 42 };
  assertEquals(read(`signer=orders&cursor=${encodePlace(place)}`).query.after, place);
});

Deno.test("what is malformed, unknown, repeated, contradictory or nothing at all is refused by name", () => {
  const refused = (query: string, message: RegExp) =>
    assertThrows(() => read(query), { code: "contract.invalid", message });

  refused("", /one filter, or a time/);
  refused("limit=5", /one filter, or a time/);
  refused("until=2026-01-01T00:00:00Z", /"until" is unknown/);
  refused("signer=a&signer=b", /"signer" is given twice/);
  refused("order=4711", /"order" is no order id/);
  refused(`order=${order}&correlation=o-2`, /"correlation" contradicts/);
  refused("subject=mina@example.com", /"subject"/);
  refused("actor=mina@example.com", /"actor" is no key/);
  refused("from=yesterday", /"from" is no time/);
  refused("signer=orders&limit=201", /"limit"/);
  refused("signer=orders&limit=0", /"limit"/);
  refused("signer=orders&cursor=abc", /"cursor" is none that was given out here/);
  refused("signer=orders&cursor=****", /"cursor"/);
});
