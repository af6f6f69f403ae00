import type { CardFailure } from "./payment_cards.ts";

/** Where a payment intent stands, in Stripe's words. */
export type IntentStatus = "processing" | "requires_capture" | "requires_payment_method" | "succeeded" | "canceled";

/** One payment intent as the provider keeps it. */
export interface Intent {
  readonly id: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly paymentMethod: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly status: IntentStatus;
  readonly amountCapturedMinor: number;
  readonly amountRefundedMinor: number;
  readonly lastFailure?: CardFailure;
}

/** One refund as the provider keeps it. */
export interface Refund {
  readonly id: string;
  readonly intentId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
}

/** Something the provider did; its books are the sum of these. */
export type BookEntry =
  | { readonly kind: "intent-created"; readonly intent: Intent }
  | { readonly kind: "authorized"; readonly intentId: string }
  | { readonly kind: "declined"; readonly intentId: string; readonly failure: CardFailure }
  | { readonly kind: "captured"; readonly intentId: string; readonly amountMinor: number }
  | { readonly kind: "capture-refused"; readonly intentId: string }
  | { readonly kind: "canceled"; readonly intentId: string }
  | { readonly kind: "refunded"; readonly refund: Refund };

/** What was done for one order, over all of its intents. */
export interface OrderLedger {
  readonly intents: number;
  readonly authorizations: number;
  readonly declines: number;
  readonly captures: number;
  readonly captureRefusals: number;
  readonly cancels: number;
  readonly refunds: number;
  readonly authorizedMinor: number;
  readonly capturedMinor: number;
  readonly refundedMinor: number;
  /** Authorised, neither captured nor cancelled: money that is still held on the customer's card. */
  readonly heldMinor: number;
}

/** The provider's truth: intents, refunds and what was done per order. */
export interface PaymentBooks {
  apply(entry: BookEntry): void;
  findIntent(id: string): Intent | undefined;
  /** Newest first. */
  intents(): readonly Intent[];
  intentsWith(name: string, value: string): readonly Intent[];
  refundsOf(intentId: string): readonly Refund[];
  ledger(orderId?: string): { readonly orders: Readonly<Record<string, OrderLedger>>; readonly totals: OrderLedger };
  clear(): void;
}

const nothingDone: OrderLedger = {
  intents: 0,
  authorizations: 0,
  declines: 0,
  captures: 0,
  captureRefusals: 0,
  cancels: 0,
  refunds: 0,
  authorizedMinor: 0,
  capturedMinor: 0,
  refundedMinor: 0,
  heldMinor: 0,
};

/**
 * Makes empty books.
 *
 * They keep everything until they are cleared, because invariants are checked against them: a provider that forgot a
 * capture would hide a double one.
 */
export function createPaymentBooks(): PaymentBooks {
  const intents = new Map<string, Intent>();
  const refunds = new Map<string, Refund[]>();
  const index = new Map<string, string[]>();
  const orders = new Map<string, OrderLedger>();

  const change = (id: string, entry: BookEntry) => {
    const intent = intents.get(id);
    if (intent === undefined) throw new Error(`Cannot apply "${entry.kind}": no payment intent "${id}"`);
    intents.set(id, changedIntent(intent, entry));
    const orderId = orderIdOf(intent);
    orders.set(orderId, added(orders.get(orderId) ?? nothingDone, gainOf(intent, entry)));
  };

  return {
    apply: (entry) => {
      if (entry.kind === "intent-created") {
        intents.set(entry.intent.id, entry.intent);
        for (const [name, value] of Object.entries(entry.intent.metadata)) {
          append(index, indexKey(name, value), entry.intent.id);
        }
      }
      if (entry.kind === "refunded") append(refunds, entry.refund.intentId, entry.refund);
      change(intentIdOf(entry), entry);
    },
    findIntent: (id) => intents.get(id),
    intents: () => [...intents.values()].reverse(),
    intentsWith: (name, value) => (index.get(indexKey(name, value)) ?? []).flatMap((id) => intents.get(id) ?? []),
    refundsOf: (intentId) => refunds.get(intentId) ?? [],
    ledger: (orderId) => {
      const shown = [...orders].filter(([id]) => orderId === undefined || id === orderId);
      return {
        orders: Object.fromEntries(shown),
        totals: shown.reduce((sum, [, order]) => added(sum, order), nothingDone),
      };
    },
    clear: () => [intents, refunds, index, orders].forEach((map) => map.clear()),
  };
}

function changedIntent(intent: Intent, entry: BookEntry): Intent {
  switch (entry.kind) {
    case "authorized":
      return { ...intent, status: "requires_capture" };
    case "declined":
      return { ...intent, status: "requires_payment_method", lastFailure: entry.failure };
    case "captured":
      return { ...intent, status: "succeeded", amountCapturedMinor: entry.amountMinor };
    case "canceled":
      return { ...intent, status: "canceled" };
    case "refunded":
      return { ...intent, amountRefundedMinor: intent.amountRefundedMinor + entry.refund.amountMinor };
    case "intent-created":
    case "capture-refused":
      return intent;
  }
}

/** What an entry adds to its order; `before` is the intent as it was. */
function gainOf(before: Intent, entry: BookEntry): Partial<OrderLedger> {
  switch (entry.kind) {
    case "intent-created":
      return { intents: 1 };
    case "authorized":
      return { authorizations: 1, authorizedMinor: before.amountMinor, heldMinor: before.amountMinor };
    case "declined":
      return { declines: 1 };
    case "captured":
      return { captures: 1, capturedMinor: entry.amountMinor, heldMinor: -before.amountMinor };
    case "capture-refused":
      return { captureRefusals: 1 };
    case "canceled":
      return { cancels: 1, heldMinor: before.status === "requires_capture" ? -before.amountMinor : 0 };
    case "refunded":
      return { refunds: 1, refundedMinor: entry.refund.amountMinor };
  }
}

function added(ledger: OrderLedger, gain: Partial<OrderLedger>): OrderLedger {
  const names = Object.keys(ledger) as (keyof OrderLedger)[];
  return Object.fromEntries(names.map((name) => [name, ledger[name] + (gain[name] ?? 0)])) as unknown as OrderLedger;
}

function intentIdOf(entry: BookEntry): string {
  if (entry.kind === "intent-created") return entry.intent.id;
  return entry.kind === "refunded" ? entry.refund.intentId : entry.intentId;
}

function orderIdOf(intent: Intent): string {
  return intent.metadata.orderId ?? "unknown";
}

function indexKey(name: string, value: string): string {
  return JSON.stringify([name, value]);
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
