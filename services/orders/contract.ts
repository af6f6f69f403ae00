/**
 * What one may ask of orders, and what orders tells everyone.
 *
 * All messages about one order travel with its order id as correlation; the saga finds them by it.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

/** Lower case only: two spellings of one id would be two actors. */
const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");

/** One order. `customerId` is a pseudonym; every event carries it, so that a read model knows its owner. */
const Order = z.object({ orderId: Id, customerId: Id });

const Line = z.object({
  sku: z.string().regex(/^[A-Z]{3}-\d{4}$/),
  units: z.int().min(1).max(10_000),
  /** Price of one unit in minor units of the order's currency: the price that was shown is the price paid. */
  unitPriceMinor: z.int().min(1).max(99_999_999),
  /** Id of the `catalog.product-put` event that the price was read from. */
  priceEventId: Id,
});

const Purchase = Order.extend({
  /** An immutable version of an address, held by `users`. */
  addressRef: Id,
  lines: z.array(Line).min(1).max(100),
  /** ISO 4217. */
  currency: z.string().regex(/^[A-Z]{3}$/),
  /** The payment provider's reference of a payment method; never a card number. */
  paymentMethod: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{2,63}$/),
});

/**
 * True when the order stands exactly as it stood before: a command came again under another id, or too late. Read
 * models and other consumers ignore such an event; it only answers.
 */
const isRepeat = z.boolean().default(false);

/** Why a placed order ended without being fulfilled. */
export const rejectionReasons = [
  /** A line was refused for want of stock. */
  "out-of-stock",
  /** No answer about the stock came in time. */
  "stock-unknown",
  /** The provider declined to authorise the payment. */
  "declined",
  /** No answer about the authorisation came in time. */
  "payment-unknown",
  /** The authorised payment could not be captured. */
  "capture-refused",
  /** The customer cancelled in time. */
  "cancelled",
] as const;

const Rejection = Order.extend({
  reason: z.enum(rejectionReasons),
  /** Name of the saga's step that turned it back. */
  failedStep: z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/),
});

/**
 * Asks for an order to be placed. Lines are merged by SKU before.
 *
 * Answered by `OrderPlaced` or `OrderRefused`. Place an order under one message id only: the same order under another
 * id is refused.
 */
export const PlaceOrder = defineCommand("orders.place-order", {
  version: 1,
  schema: Purchase,
  key: ({ orderId }) => orderId,
});

/** Asks for a placed order to end as fulfilled. Answered by `OrderConfirmed`, or by how the order did end. */
export const ConfirmOrder = defineCommand("orders.confirm-order", {
  version: 1,
  schema: Order,
  key: ({ orderId }) => orderId,
});

/** Asks for a placed order to end as not fulfilled. Answered by `OrderRejected`, or by how the order did end. */
export const RejectOrder = defineCommand("orders.reject-order", {
  version: 1,
  schema: Rejection,
  key: ({ orderId }) => orderId,
});

/**
 * Asks for an order to be cancelled, for the customer who placed it.
 *
 * Answered by `CancellationRequested` (how it ends comes later: `OrderRejected` with reason `cancelled`, or
 * `CancellationRefused`) or at once by `CancellationRefused`.
 */
export const CancelOrder = defineCommand("orders.cancel-order", {
  version: 1,
  schema: Order,
  key: ({ orderId }) => orderId,
});

/** Says that a requested cancellation came too late. Answered by `CancellationRefused`. */
export const RefuseCancellation = defineCommand("orders.refuse-cancellation", {
  version: 1,
  schema: Order,
  key: ({ orderId }) => orderId,
});

/** The order is placed: it will end as confirmed or rejected. */
export const OrderPlaced = defineEvent("orders.order-placed", {
  version: 1,
  schema: Purchase.extend({
    /** Sum of units times unit price over all lines, in minor units. Eight digits: what a provider can charge. */
    totalMinor: z.int().min(1).max(99_999_999),
  }),
  key: ({ orderId }) => orderId,
});

/**
 * The order is not placed. `duplicate-lines` (a SKU on two lines) and `total-out-of-range` end it; the other reasons
 * answer a command that met an order already there (`already-placed`, `already-refused`) or none (`not-found`) and
 * come with `isRepeat`.
 */
export const OrderRefused = defineEvent("orders.order-refused", {
  version: 1,
  schema: Order.extend({
    reason: z.enum(["duplicate-lines", "total-out-of-range", "already-placed", "already-refused", "not-found"]),
    isRepeat,
  }),
  key: ({ orderId }) => orderId,
});

/** The order has ended: paid for and on its way. */
export const OrderConfirmed = defineEvent("orders.order-confirmed", {
  version: 1,
  schema: Order.extend({ isRepeat }),
  key: ({ orderId }) => orderId,
});

/** The order has ended without being fulfilled; stock and money are as they were before. */
export const OrderRejected = defineEvent("orders.order-rejected", {
  version: 1,
  schema: Rejection.extend({ isRepeat }),
  key: ({ orderId }) => orderId,
});

/** The customer wants the order cancelled; whether it still can be is decided by the saga. */
export const CancellationRequested = defineEvent("orders.cancellation-requested", {
  version: 1,
  schema: Order.extend({ isRepeat }),
  key: ({ orderId }) => orderId,
});

/**
 * The cancellation was refused; the order goes on, or stays ended. `too-late` means that the payment was already being
 * captured. `not-found` also hides an order of another customer: `customerId` is then the one who asked, not the owner.
 */
export const CancellationRefused = defineEvent("orders.cancellation-refused", {
  version: 1,
  schema: Order.extend({
    reason: z.enum(["already-confirmed", "already-rejected", "already-refused", "not-found", "too-late"]),
  }),
  key: ({ orderId }) => orderId,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [
  PlaceOrder,
  ConfirmOrder,
  RejectOrder,
  CancelOrder,
  RefuseCancellation,
  OrderPlaced,
  OrderRefused,
  OrderConfirmed,
  OrderRejected,
  CancellationRequested,
  CancellationRefused,
];
