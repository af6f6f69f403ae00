/**
 * What shipping asks of the carrier.
 *
 * @module
 */
import { z } from "zod";
import { defineEffect } from "@mesh/actor";

/** Books the shipment. The adapter resolves the address and keeps it nowhere. */
export const BookShipment = defineEffect("book-shipment", {
  dependency: "carrier",
  deadlineMs: 10_000,
  request: z.object({
    orderId: z.uuid(),
    addressRef: z.uuid(),
    parcels: z.array(z.object({ sku: z.string(), units: z.int().min(1), warehouse: z.string() })).min(1).max(100),
  }),
  outcome: z.object({ trackingCode: z.string().regex(/^[A-Za-z0-9-]{1,64}$/) }),
});
