import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { faultsOf } from "./play_scenario.ts";
import type { ProvenEvent } from "./proven_event.ts";

const nothing = { unitsHeld: 0, unitsShipped: 0, paidMinor: 0, captures: 0 };
const rejected = { status: "rejected", reason: "declined", totalMinor: 900 } as const;
const expected = { status: "rejected", reason: "declined" } as const;

Deno.test("an order that ended as it should and left nothing behind has no faults", () => {
  assertEquals(faultsOf({ order: rejected, expected, events: [], balance: nothing }), []);
});

Deno.test("another end, or the same for another reason, is a fault", () => {
  const confirmed = { status: "confirmed", totalMinor: 900 };
  const outOfStock = { ...rejected, reason: "out-of-stock" };
  const judge = (order: typeof confirmed) => faultsOf({ order, expected, events: [], balance: nothing });

  assertEquals([judge(confirmed), judge(outOfStock)], [
    ["ended as confirmed, not as rejected (declined)"],
    ["ended as rejected (out-of-stock), not as rejected (declined)"],
  ]);
});

Deno.test("stock that is still held, money that was taken for nothing and a second charge are faults", () => {
  const balance = { unitsHeld: 2, unitsShipped: 0, paidMinor: 1_800, captures: 2 };

  assertEquals(faultsOf({ order: rejected, expected, events: [], balance }), [
    "2 units are still held",
    "1800 were paid, not 0",
    "the card was charged 2 times",
  ]);
});

Deno.test("an order that completed must be paid in full", () => {
  const order = { status: "confirmed", totalMinor: 900 };
  const completed = { status: "confirmed" } as const;

  assertEquals(faultsOf({ order, expected: completed, events: [], balance: { ...nothing, paidMinor: 899 } }), [
    "899 were paid, not 900",
  ]);
});

Deno.test("a signature that does not verify and a broken stream are faults", () => {
  const event = (n: number, prv: string | null, hash: string, fault?: string): ProvenEvent => ({
    recordedAtMs: 0,
    claims: { jti: `id-${n}`, iss: "orders", sub: "orders/1", evt: "orders.order-placed", n, prv, dat: {} },
    kid: "key",
    hash,
    ...(fault === undefined ? {} : { fault }),
  });
  const events = [event(1, null, "hash-1"), event(2, "another", "hash-2", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED")];

  assertEquals(faultsOf({ order: rejected, expected, events, balance: nothing }), [
    "orders.order-placed id-2: ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    "orders/1: its events do not follow upon each other",
  ]);
});
