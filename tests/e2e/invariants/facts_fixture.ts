import { contentHash } from "@mesh/cli";
import type { ShopFacts, StoredEvent } from "./facts.ts";

/** An order that went well, two units at 1000. */
export const paid = "01900000-0000-7000-8000-00000000000a";
/** An order that found the shelf empty. */
export const unlucky = "01900000-0000-7000-8000-00000000000b";
/** An order that was cancelled after its units were held. */
export const dropped = "01900000-0000-7000-8000-00000000000c";

/** One event: its type, its stream, its data. */
export type Said = readonly [type: string, stream: string, data: Readonly<Record<string, unknown>>];

/** Chains events as services store them: numbered per stream, each naming the hash of the one before. */
export function chained(said: readonly Said[]): readonly StoredEvent[] {
  const heads = new Map<string, StoredEvent>();
  return said.map(([type, stream, data], index) => {
    const before = heads.get(stream);
    const version = (before?.version ?? 0) + 1;
    const service = stream.slice(0, stream.indexOf("/"));
    const id = `event-${index}`;
    const envelope = `${stream} ${version} ${JSON.stringify(data)}.signature`;
    const event: StoredEvent = {
      service,
      id,
      stream,
      version,
      type,
      correlation: String(data.orderId ?? "none"),
      data,
      envelope,
      hash: contentHash(envelope),
      fault: null,
      claims: { iss: service, sub: stream, jti: id, n: version, prv: before?.hash ?? null },
    };
    heads.set(stream, event);
    return event;
  });
}

const sku = "TEA-0001";
const shelf = `inventory/${sku}`;

/** What a healthy shop says about the three orders. */
export const healthySaid: readonly Said[] = [
  ["inventory.stock-counted", shelf, { sku, adjustmentUnits: 3, unitsFree: 3 }],
  ...placed(paid, 2),
  ["inventory.stock-reserved", shelf, { sku, orderId: paid, units: 2, unitsFree: 1 }],
  ...placed(unlucky, 2),
  ["inventory.stock-refused", shelf, { sku, orderId: unlucky, units: 2, unitsFree: 1 }],
  ...placed(dropped, 1),
  ["inventory.stock-reserved", shelf, { sku, orderId: dropped, units: 1, unitsFree: 0 }],
  ["inventory.stock-released", shelf, { sku, orderId: dropped, units: 1, unitsFree: 1 }],
  ["payments.payment-authorized", `payments/${paid}`, { orderId: paid, postings: setAside(2_000) }],
  ["payments.payment-captured", `payments/${paid}`, {
    orderId: paid,
    postings: [...turned(setAside(2_000)), debit("provider", 2_000), credit("sales", 2_000)],
  }],
  ["payments.payment-captured", `payments/${paid}`, { orderId: paid, postings: [], isRepeat: true }],
  ["inventory.stock-shipped-out", shelf, { sku, orderId: paid, units: 2, unitsFree: 1 }],
  ...ended(paid, "completed", ["orders.order-confirmed", {}]),
  ...ended(unlucky, "rejected", ["orders.order-rejected", { reason: "out-of-stock" }]),
  ...ended(dropped, "rejected", ["orders.order-rejected", { reason: "cancelled" }]),
];

/** A shop in which all is well. */
export function healthyFacts(said: readonly Said[] = healthySaid): ShopFacts {
  const events = chained(said);
  return {
    journal: { accepted: [paid, unlucky, dropped], unknownCount: 0 },
    events,
    handled: [{ service: "orchestrator", id: events[1]!.id, digest: events[1]!.hash }],
    audited: events.map(({ service: owner, id, hash }) => ({ owner, id, hash, reason: null, chain: "ok" })),
    deadLetters: [],
    doomedDigests: [],
    hostileDigests: [],
    unsettled: {},
    shownStatuses: { [paid]: "confirmed", [unlucky]: "rejected", [dropped]: "cancelled" },
    provider: { [paid]: { captures: 1, capturedMinor: 2_000, refundedMinor: 0, heldMinor: 0 } },
    parcels: { [paid]: 1 },
    notices: [
      { orderId: paid, noticeKind: "confirmed", messageIds: ["<1@shop>"] },
      { orderId: unlucky, noticeKind: "rejected", messageIds: ["<2@shop>"] },
      { orderId: dropped, noticeKind: "cancelled", messageIds: ["<3@shop>"] },
    ],
  };
}

function placed(orderId: string, units: number): readonly Said[] {
  const lines = [{ sku, units }];
  return [
    ["orders.order-placed", `orders/${orderId}`, { orderId, lines, totalMinor: units * 1_000 }],
    ["orchestrator.saga-advanced", `orchestrator/place-order/${orderId}`, { phase: "running", step: "reserveStock" }],
  ];
}

function ended(
  orderId: string,
  phase: string,
  [type, data]: readonly [string, Record<string, unknown>],
): readonly Said[] {
  return [
    [type, `orders/${orderId}`, { orderId, ...data }],
    ["orchestrator.saga-advanced", `orchestrator/place-order/${orderId}`, { phase, step: null, needsAttention: false }],
  ];
}

function debit(account: string, debitMinor: number) {
  return { account, debitMinor, creditMinor: 0 };
}

function credit(account: string, creditMinor: number) {
  return { account, debitMinor: 0, creditMinor };
}

function setAside(minor: number) {
  return [debit("authorized", minor), credit("authorization-contra", minor)];
}

function turned(postings: readonly { account: string; debitMinor: number; creditMinor: number }[]) {
  return postings.map(({ account, debitMinor, creditMinor }) => ({
    account,
    debitMinor: creditMinor,
    creditMinor: debitMinor,
  }));
}
