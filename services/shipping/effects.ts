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
  // Any printable word of the carrier's: an outcome that breaks the schema would be asked for again and again.
  outcome: z.discriminatedUnion("result", [
    z.object({ result: z.literal("booked"), trackingCode: z.string().regex(/^[\x20-\x7e]{1,100}$/) }),
    z.object({ result: z.literal("refused"), reason: z.string().regex(/^[\x20-\x7e]{1,100}$/) }),
  ]),
});
