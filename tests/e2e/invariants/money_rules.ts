import type { Rule, StoredEvent, Violation } from "./facts.ts";
import { newsOf, orderHistories } from "./order_histories.ts";

interface Posting {
  readonly account: string;
  readonly debitMinor: number;
  readonly creditMinor: number;
}

/** No order is charged twice: not at the provider, not in the ledger. */
export const oneCaptureAtMost: Rule = ({ provider, events }) => {
  const violations: Violation[] = [];
  for (const [orderId, { captures }] of Object.entries(provider)) {
    if (captures > 1) violations.push({ rule: "I5", what: `the provider captured order ${orderId} ${captures} times` });
  }
  const booked = Map.groupBy(capturesIn(events), ({ data }) => String(data.orderId));
  for (const [orderId, captures] of booked) {
    if (captures.length > 1) {
      violations.push({ rule: "I5", what: `the ledger has ${captures.length} captures of order ${orderId}` });
    }
  }
  return violations;
};

/** A confirmed order was paid in full, any other was not paid; provider and ledger agree, and no money is held. */
export const moneyFollowsTheEnd: Rule = (facts) => {
  const violations: Violation[] = [];
  const orders = orderHistories(facts);
  const booked = balancesOf(facts.events, "provider");
  for (const { orderId, totalMinor, ends } of orders.values()) {
    if (ends.length === 0) continue;
    const dueMinor = ends[0] === "confirmed" ? totalMinor : 0;
    const { capturedMinor = 0, refundedMinor = 0, heldMinor = 0 } = facts.provider[orderId] ?? {};
    const bookedMinor = booked.get(orderId) ?? 0;
    if (capturedMinor - refundedMinor !== dueMinor) {
      const what = `order ${orderId} is ${ends[0]}: ${dueMinor} are due, the provider keeps ${
        capturedMinor - refundedMinor
      }`;
      violations.push({ rule: "I6", what });
    }
    if (bookedMinor !== dueMinor) {
      violations.push({ rule: "I6", what: `order ${orderId}: ${dueMinor} are due, ${bookedMinor} are booked` });
    }
    if (heldMinor !== 0) violations.push({ rule: "I6", what: `the provider holds ${heldMinor} for order ${orderId}` });
  }
  for (const orderId of Object.keys(facts.provider)) {
    if (!orders.has(orderId)) {
      violations.push({ rule: "I6", what: `the provider knows an order that is none: ${orderId}` });
    }
  }
  return violations;
};

/** Debits equal credits in every booking and over all; nothing stays set aside for an order that has ended. */
export const theLedgerBalances: Rule = (facts) => {
  const violations: Violation[] = [];
  const setAside = balancesOf(facts.events, "authorized");
  for (const event of newsOf(facts.events, "payments")) {
    const postings = postingsOf(event);
    const sum = postings.reduce((total, { debitMinor, creditMinor }) => total + debitMinor - creditMinor, 0);
    if (sum !== 0) violations.push({ rule: "I7", what: `${event.type} ${event.id} is out of balance by ${sum}` });
  }
  for (const { orderId, ends } of orderHistories(facts).values()) {
    const minor = setAside.get(orderId) ?? 0;
    if (ends.length > 0 && minor !== 0) {
      violations.push({ rule: "I7", what: `the ledger still has ${minor} set aside for order ${orderId}` });
    }
  }
  return violations;
};

function capturesIn(events: readonly StoredEvent[]): readonly StoredEvent[] {
  return newsOf(events, "payments").filter(({ type }) => type === "payments.payment-captured");
}

/** Debits less credits of one account, by order. */
function balancesOf(events: readonly StoredEvent[], account: string): ReadonlyMap<string, number> {
  const balances = new Map<string, number>();
  for (const event of newsOf(events, "payments")) {
    const orderId = String(event.data.orderId);
    balances.set(orderId, (balances.get(orderId) ?? 0) + balanceOf(postingsOf(event), account));
  }
  return balances;
}

function balanceOf(postings: readonly Posting[], account: string): number {
  return postings.filter((posting) => posting.account === account)
    .reduce((sum, { debitMinor, creditMinor }) => sum + debitMinor - creditMinor, 0);
}

function postingsOf({ data }: StoredEvent): readonly Posting[] {
  return (data.postings ?? []) as readonly Posting[];
}
