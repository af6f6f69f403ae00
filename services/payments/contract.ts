/**
 * What one may ask of payments, and what payments tells everyone.
 *
 * Amounts are integers in minor units of an ISO 4217 currency. One order has one payment, for its whole total.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

/** Lower case only: two spellings of one id would be two payments. */
const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");

const Payment = z.object({ orderId: Id });

const Money = z.object({
  /** Up to eight digits: what a payment provider can charge. */
  amountMinor: z.int().min(1).max(99_999_999),
  /** ISO 4217. */
  currency: z.string().regex(/^[A-Z]{3}$/),
});

/** A stable word, the provider's or ours, never a sentence. */
const Reason = z.string().regex(/^[\x20-\x7e]{1,100}$/);

/** The provider's reference of the payment. */
const ProviderRef = z.string().regex(/^[A-Za-z0-9_-]{1,255}$/);

/** Accounts of the ledger. */
export const accounts = [
  /** Money that customers' banks have set aside for us. */
  "authorized",
  /** What we owe for it: to capture or to void. */
  "authorization-contra",
  /** Money that the provider owes us. */
  "provider",
  /** What was sold. */
  "sales",
  /** What was paid back. */
  "refunds",
] as const;

/** One line of a double-entry booking: exactly one side is above zero. */
const Posting = z.object({
  account: z.enum(accounts),
  debitMinor: z.int().min(0).max(99_999_999),
  creditMinor: z.int().min(0).max(99_999_999),
}).refine(({ debitMinor, creditMinor }) => (debitMinor === 0) !== (creditMinor === 0), "exactly one side must be zero");

/** What the event books. Debits equal credits; empty when no money moved. */
const Postings = z.array(Posting).max(4).refine(
  (postings) => postings.reduce((sum, { debitMinor, creditMinor }) => sum + debitMinor - creditMinor, 0) === 0,
  "debits must equal credits",
);

/** True when the payment stands exactly as it stood before: the event only answers, and other consumers ignore it. */
const isRepeat = z.boolean().default(false);

/**
 * Asks the provider to set money aside. Answered, when the provider has, by `PaymentAuthorized` or `PaymentDeclined`.
 */
export const AuthorizePayment = defineCommand("payments.authorize-payment", {
  version: 1,
  schema: Payment.extend({
    ...Money.shape,
    /** A pseudonym. */
    customerId: Id,
    /** The provider's reference of a payment method; never a card number. */
    paymentMethod: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{2,63}$/),
  }),
  key: ({ orderId }) => orderId,
});

/** Asks for the whole authorised amount. Answered, when the provider has, by `PaymentCaptured` or `CaptureRefused`. */
export const CapturePayment = defineCommand("payments.capture-payment", {
  version: 1,
  schema: Payment,
  key: ({ orderId }) => orderId,
});

/**
 * Gives an authorisation back, or makes sure that none stays. Undoes `AuthorizePayment`.
 *
 * Answered by `PaymentVoided`, at once when nothing was authorised; by `VoidRefused` when the money was captured.
 */
export const VoidPayment = defineCommand("payments.void-payment", {
  version: 1,
  schema: Payment,
  key: ({ orderId }) => orderId,
});

/** Pays the whole captured amount back. Answered by `PaymentRefunded` or `RefundRefused`. */
export const RefundPayment = defineCommand("payments.refund-payment", {
  version: 1,
  schema: Payment,
  key: ({ orderId }) => orderId,
});

/** The provider has been asked to authorise; `commandId` is a command that waits for the answer. */
export const AuthorizationRequested = defineEvent("payments.authorization-requested", {
  version: 1,
  schema: Payment.extend({ ...Money.shape, customerId: Id, commandId: Id }),
  key: ({ orderId }) => orderId,
});

/** The money is set aside. */
export const PaymentAuthorized = defineEvent("payments.payment-authorized", {
  version: 1,
  schema: Payment.extend({ ...Money.shape, providerRef: ProviderRef, postings: Postings, isRepeat }),
  key: ({ orderId }) => orderId,
});

/**
 * No money is set aside for the asker. `reason` is the provider's word, or ours: `voided` (it was given back before it
 * was known), `amount-differs` (the order has a payment of another amount).
 */
export const PaymentDeclined = defineEvent("payments.payment-declined", {
  version: 1,
  schema: Payment.extend({ reason: Reason, isRepeat }),
  key: ({ orderId }) => orderId,
});

/** The provider has been asked to capture; `commandId` is a command that waits for the answer. */
export const CaptureRequested = defineEvent("payments.capture-requested", {
  version: 1,
  schema: Payment.extend({ commandId: Id }),
  key: ({ orderId }) => orderId,
});

/** The money is ours. At most one per order without `isRepeat`. */
export const PaymentCaptured = defineEvent("payments.payment-captured", {
  version: 1,
  schema: Payment.extend({ ...Money.shape, postings: Postings, isRepeat }),
  key: ({ orderId }) => orderId,
});

/**
 * No money was captured. `reason` is the provider's word, or ours: `not-authorized`, `declined`, `voided`, `refunded`.
 */
export const CaptureRefused = defineEvent("payments.capture-refused", {
  version: 1,
  schema: Payment.extend({ reason: Reason }),
  key: ({ orderId }) => orderId,
});

/** The provider has been asked to void; `commandId` is a command that waits for the answer. */
export const VoidRequested = defineEvent("payments.void-requested", {
  version: 1,
  schema: Payment.extend({ commandId: Id }),
  key: ({ orderId }) => orderId,
});

/** No money is set aside for the order any more, if any ever was. */
export const PaymentVoided = defineEvent("payments.payment-voided", {
  version: 1,
  schema: Payment.extend({ postings: Postings, isRepeat }),
  key: ({ orderId }) => orderId,
});

/** The payment stands: it is captured, or being captured. A refund is the way back then. */
export const VoidRefused = defineEvent("payments.void-refused", {
  version: 1,
  schema: Payment.extend({ reason: z.enum(["capturing", "captured", "refunded"]) }),
  key: ({ orderId }) => orderId,
});

/** The provider has been asked to refund; `commandId` is a command that waits for the answer. */
export const RefundRequested = defineEvent("payments.refund-requested", {
  version: 1,
  schema: Payment.extend({ commandId: Id }),
  key: ({ orderId }) => orderId,
});

/** The whole captured amount was paid back. */
export const PaymentRefunded = defineEvent("payments.payment-refunded", {
  version: 1,
  schema: Payment.extend({ ...Money.shape, postings: Postings, isRepeat }),
  key: ({ orderId }) => orderId,
});

/** Nothing was paid back, because nothing is captured. */
export const RefundRefused = defineEvent("payments.refund-refused", {
  version: 1,
  schema: Payment.extend({ reason: z.enum(["not-captured"]) }),
  key: ({ orderId }) => orderId,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [
  AuthorizePayment,
  CapturePayment,
  VoidPayment,
  RefundPayment,
  AuthorizationRequested,
  PaymentAuthorized,
  PaymentDeclined,
  CaptureRequested,
  PaymentCaptured,
  CaptureRefused,
  VoidRequested,
  PaymentVoided,
  VoidRefused,
  RefundRequested,
  PaymentRefunded,
  RefundRefused,
];
