/**
 * The messages of the compared saga. Every one carries the whole order, so that all have the size of a real one.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";
import { defineSagaEvent } from "@mesh/saga";

const Line = z.object({
  sku: z.string().regex(/^[A-Z]{3}-\d{4}$/),
  name: z.string().min(1).max(200),
  units: z.int().min(1).max(10_000),
  unitPriceMinor: z.int().min(1),
});

const Order = z.object({
  orderId: z.uuid(),
  customerId: z.string().min(1).max(100),
  currency: z.string().regex(/^[A-Z]{3}$/),
  totalMinor: z.int().min(1),
  lines: z.array(Line).min(1).max(100),
  shipTo: z.object({
    name: z.string().min(1).max(200),
    street: z.string().min(1).max(200),
    city: z.string().min(1).max(200),
    postcode: z.string().min(1).max(20),
    country: z.string().regex(/^[A-Z]{2}$/),
  }),
  payment: z.object({
    method: z.string().min(1).max(30),
    token: z.string().min(1).max(100),
    last4: z.string().regex(/^\d{4}$/),
  }),
  note: z.string().max(1_000),
});

const about = { version: 1, schema: Order, key: ({ orderId }: { readonly orderId: string }) => orderId };

export const Checkout = defineCommand("orchestrator.checkout", about);

export const Reserve = defineCommand("inventory.reserve", about);
export const Reserved = defineEvent("inventory.reserved", about);
export const ReservationRefused = defineEvent("inventory.reservation-refused", about);
export const Release = defineCommand("inventory.release", about);
export const Released = defineEvent("inventory.released", about);

export const Authorize = defineCommand("payment.authorize", about);
export const Authorized = defineEvent("payment.authorized", about);
export const Declined = defineEvent("payment.declined", about);
export const Void = defineCommand("payment.void", about);
export const Voided = defineEvent("payment.voided", about);
export const Capture = defineCommand("payment.capture", about);
export const Captured = defineEvent("payment.captured", about);
export const CaptureRefused = defineEvent("payment.capture-refused", about);

export const Ship = defineCommand("shipping.ship", about);
export const Shipped = defineEvent("shipping.shipped", about);
export const Drop = defineCommand("shipping.drop", about);
export const Dropped = defineEvent("shipping.dropped", about);

/** The one event that each turn of the saga records. */
export const SagaAdvanced = defineSagaEvent("orchestrator.saga-advanced");
