/**
 * What one may ask of shipping, and what shipping tells everyone.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

/** A stable word, the carrier's or ours. */
const Reason = z.string().regex(/^[\x20-\x7e]{1,100}$/);

/** Lower case only: two spellings of one id would be two shipments. */
const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");

const Parcel = z.object({
  sku: z.string().regex(/^[A-Z]{3}-\d{4}$/),
  units: z.int().min(1).max(10_000),
  warehouse: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
});

/** What is sent where. The address itself is never in a message: `addressRef` is a version of it held by `users`. */
const Shipment = z.object({ orderId: Id, addressRef: Id, parcels: z.array(Parcel).min(1).max(100) });

/**
 * Asks for an order's shipment to be booked with the carrier.
 *
 * Answered by `ShipmentArranged` or `ShipmentRefused` once the carrier has spoken. An order is shipped once: whatever
 * comes after a booking gets that booking as its answer. After a refusal the carrier is asked anew.
 */
export const ArrangeShipment = defineCommand("shipping.arrange-shipment", {
  version: 1,
  schema: Shipment,
  key: ({ orderId }) => orderId,
});

/** The carrier has been asked; `commandId` is the command that waits for the answer. */
export const ShipmentRequested = defineEvent("shipping.shipment-requested", {
  version: 1,
  schema: z.object({ orderId: Id, commandId: Id }),
  key: ({ orderId }) => orderId,
});

/** The carrier has booked the shipment. */
export const ShipmentArranged = defineEvent("shipping.shipment-arranged", {
  version: 1,
  schema: z.object({
    orderId: Id,
    trackingCode: z.string().regex(/^[\x20-\x7e]{1,100}$/),
    /** True when it had been booked before: it only answers. */
    isRepeat: z.boolean().default(false),
  }),
  key: ({ orderId }) => orderId,
});

/** Nothing is booked: the carrier will not, or nobody knows the address any more. */
export const ShipmentRefused = defineEvent("shipping.shipment-refused", {
  version: 1,
  schema: z.object({ orderId: Id, reason: Reason }),
  key: ({ orderId }) => orderId,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [ArrangeShipment, ShipmentRequested, ShipmentArranged, ShipmentRefused];
