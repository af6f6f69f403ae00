import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { AuditedEvent, ShopFacts, StoredClaims, StoredEvent } from "./facts.ts";
import { dropped, healthyFacts, healthySaid, paid, type Said, unlucky } from "./facts_fixture.ts";
import { findViolations, tallyOf } from "./invariants.ts";

const healthy = healthyFacts();
const half = { account: "authorized", debitMinor: 2_000, creditMinor: 0 };

Deno.test("a healthy shop breaks no rule, and what happened in it is counted", () => {
  assertEquals(findViolations(healthy), []);
  assertEquals(tallyOf(healthy), {
    placed: 3,
    refused: 0,
    confirmed: 1,
    rejected: { "out-of-stock": 1, cancelled: 1 },
    events: healthy.events.length,
    handled: 1,
  });
});

/** What goes wrong, the facts in which it did, and the rule that must notice. */
const seeded: readonly (readonly [what: string, facts: ShopFacts, rule: string])[] = [
  ["an accepted order vanished", but({ journal: { accepted: ["lost", paid], unknownCount: 9 } }), "I1"],
  ["an order was placed that nobody asked for", but({ journal: { accepted: [paid], unknownCount: 1 } }), "I2"],
  ["an order never ended", told("orders.order-confirmed", paid, null), "I3"],
  ["an order ended twice", healthyFacts([...healthySaid, endOf(paid)]), "I3"],
  ["a saga stands still", told("orchestrator.saga-advanced", paid, { phase: "running" }), "I3"],
  ["a saga needs attention", told("orchestrator.saga-advanced", paid, { needsAttention: true }), "I3"],
  ["a command waits for its answer", but({ unsettled: { payments: 1 } }), "I3"],
  ["an order was confirmed and no parcel sent", but({ parcels: {} }), "I4"],
  ["a rejected order was sent", but({ parcels: { [paid]: 1, [unlucky]: 1 } }), "I4"],
  ["a confirmed order left the shelf by half", told("inventory.stock-shipped-out", paid, { units: 1 }), "I4"],
  ["the provider captured twice", charged(paid, { captures: 2 }), "I5"],
  ["the ledger captured twice", told("payments.payment-captured", paid, { isRepeat: false }), "I5"],
  ["the provider took too much", charged(paid, { capturedMinor: 4_000 }), "I6"],
  ["a capture was booked and not made", but({ provider: {} }), "I6"],
  ["a capture was made and not booked", told("payments.payment-captured", paid, { postings: [] }), "I6"],
  ["a rejected order was charged", charged(unlucky, {}), "I6"],
  ["a rejected order's money is still held", charged(dropped, { capturedMinor: 0, heldMinor: 1_000 }), "I6"],
  ["money was taken for no order", charged("nobody's", {}), "I6"],
  ["a booking is out of balance", told("payments.payment-authorized", paid, { postings: [half] }), "I7"],
  ["money stays set aside", told("payments.payment-captured", paid, { postings: [] }), "I7"],
  ["units were promised that are not there", told("inventory.stock-counted", undefined, { adjustmentUnits: 1 }), "I8"],
  ["a release gave back more than was held", told("inventory.stock-released", dropped, { units: 2 }), "I8"],
  ["free units are misstated", told("inventory.stock-reserved", dropped, { unitsFree: 1 }), "I8"],
  ["a hold outlived its order", told("inventory.stock-released", dropped, null), "I9"],
  ["two notices of one kind went out", noticed({ messageIds: ["<1@shop>", "<2@shop>"] }), "I11"],
  ["a customer heard nothing", but({ notices: healthy.notices.slice(1) }), "I11"],
  ["a customer heard the opposite", noticed({ noticeKind: "rejected" }), "I11"],
  ["an event vanished from the start of a stream", but({ events: healthy.events.slice(1) }), "I12"],
  ["an event was exchanged for another", changed({ envelope: "another" }), "I12"],
  ["a chain was cut", claiming({ prv: "another" }), "I12"],
  ["an envelope belongs to another stream", claiming({ sub: "orders/x" }), "I12"],
  ["an envelope is another service's", claiming({ iss: "gateway" }), "I12"],
  ["an envelope says another number", claiming({ n: 7 }), "I12"],
  ["an envelope cannot be read", changed({ claims: null }), "I12"],
  ["the audit log lacks an event", but({ audited: healthy.audited!.slice(1) }), "I13"],
  ["the audit log has an event twice", but({ audited: [...healthy.audited!, healthy.audited![0]!] }), "I13"],
  ["the audit log has what nobody recorded", audited({ hash: "x" }), "I13"],
  ["the audit log doubts an event", audited({ reason: "bad-signature", chain: null }), "I13"],
  ["the audit log has found a gap", audited({ chain: "gap" }), "I13"],
  ["an envelope does not verify", changed({ fault: "bad signature" }), "I15"],
  ["a hostile message was handled", but({ hostileDigests: [healthy.handled[0]!.digest] }), "I15"],
  ["other content was handled under an event's id", but({ handled: [{ ...healthy.handled[0]!, digest: "x" }] }), "I15"],
  ["a message died", but({ deadLetters: [deathOf("d1")], doomedDigests: ["d2"] }), "I16"],
  ["the storefront shows another end", shown({ [paid]: "placed" }), "I17"],
  ["the storefront takes a cancellation for a rejection", shown({ [dropped]: "rejected" }), "I17"],
];

for (const [what, facts, rule] of seeded) {
  Deno.test(`the checker notices when ${what}`, () => {
    const found = new Set(findViolations(facts).map((violation) => violation.rule));

    assertEquals(found.has(rule), true, `found only ${[...found].join(", ") || "nothing"}`);
  });
}

Deno.test("deaths that were planted and an order whose answer was lost are no violations", () => {
  const facts = but({
    journal: { accepted: [paid, unlucky], unknownCount: 1 },
    deadLetters: [deathOf("d1"), deathOf("d2")],
    doomedDigests: ["d1"],
    hostileDigests: ["d2"],
  });

  assertEquals(findViolations(facts), []);
});

function but(change: Partial<ShopFacts>): ShopFacts {
  return { ...healthyFacts(), ...change };
}

/** The healthy story with every event of a type and order told differently, or left out. */
function told(type: string, orderId: string | undefined, change: Readonly<Record<string, unknown>> | null): ShopFacts {
  return healthyFacts(healthySaid.flatMap((said): readonly Said[] => {
    const [saidType, stream, data] = said;
    const isMeant = saidType === type &&
      (orderId === undefined || stream.endsWith(orderId) || data.orderId === orderId);
    if (!isMeant) return [said];
    return change === null ? [] : [[saidType, stream, { ...data, ...change }]];
  }));
}

function endOf(orderId: string): Said {
  return ["orders.order-rejected", `orders/${orderId}`, { orderId, reason: "declined" }];
}

function charged(orderId: string, change: Readonly<Record<string, number>>): ShopFacts {
  const record = { captures: 1, capturedMinor: 2_000, refundedMinor: 0, heldMinor: 0, ...change };
  return but({ provider: { ...healthyFacts().provider, [orderId]: record } });
}

function noticed(change: Partial<ShopFacts["notices"][number]>): ShopFacts {
  const { notices } = healthyFacts();
  return but({ notices: [{ ...notices[0]!, ...change }, ...notices.slice(1)] });
}

/** Changes the second event of a stream. */
function changed(change: Partial<StoredEvent>): ShopFacts {
  const { events } = healthyFacts();
  const at = events.findIndex(({ version }) => version === 2);
  return but({ events: events.with(at, { ...events[at]!, ...change }) });
}

function claiming(change: Partial<StoredClaims>): ShopFacts {
  const event = healthyFacts().events.find(({ version }) => version === 2)!;
  return changed({ claims: { ...event.claims!, ...change } });
}

/** Changes one entry of the audit log. */
function audited(change: Partial<AuditedEvent>): ShopFacts {
  return but({ audited: healthyFacts().audited!.with(1, { ...healthyFacts().audited![1]!, ...change }) });
}

function shown(change: Readonly<Record<string, string>>): ShopFacts {
  return but({ shownStatuses: { ...healthyFacts().shownStatuses, ...change } });
}

function deathOf(digest: string): ShopFacts["deadLetters"][number] {
  return { service: "orders", type: "orders.confirm-order", reason: "exhausted", detail: "no", digest };
}
