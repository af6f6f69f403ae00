/**
 * What one may ask of shipping, and what shipping tells everyone.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

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
 * Answered by `ShipmentArranged` once the carrier has agreed; there is no refusal. An order is shipped once: whatever
 * comes later for the same order gets the first booking as its answer.
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
    trackingCode: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
    /** True when it had been booked before: it only answers. */
    isRepeat: z.boolean().default(false),
  }),
  key: ({ orderId }) => orderId,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [ArrangeShipment, ShipmentRequested, ShipmentArranged];
