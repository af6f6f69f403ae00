import { z } from "@hono/zod-openapi";
import { encodeProgressId, progressIdOf, sortedLog } from "./progress_id.ts";
import type { LogEntry, OrderRow, Purchase } from "./projections/order_row.ts";
import type { Read } from "./read_models.ts";
import type { AcceptedOrder } from "./requests.ts";

const Money = z.int().openapi({ description: "In minor units of the currency" });

/** One line of an order's progress, as people see it. */
export const ProgressDocument = z.object({
  at: z.iso.datetime(),
  step: z.string().openapi({ description: "A step of the order's saga, or `order` or `shipment`" }),
  outcome: z.string().openapi({ description: "`placed`, `started`, `succeeded`, `refused`, `unknown`, `undone` …" }),
  next: z.string().optional(),
}).openapi("Progress");

/** Where an order can stand. */
export const orderStatuses = ["accepted", "refused", "placed", "confirmed", "rejected", "cancelled"] as const;

/** An order as its customer sees it. */
export const OrderDocument = z.object({
  orderId: z.uuid(),
  status: z.enum(orderStatuses),
  reason: z.string().optional().openapi({ description: "Why it was refused or rejected" }),
  currency: z.string(),
  totalMinor: Money,
  lines: z.array(z.object({ sku: z.string(), units: z.int(), unitPriceMinor: Money, priceEventId: z.uuid() })),
  addressRef: z.uuid(),
  acceptedAt: z.iso.datetime().optional(),
  cancellation: z.enum(["requested", "refused"]).optional(),
  trackingCode: z.string().optional(),
  progress: z.array(ProgressDocument),
  links: z.object({ self: z.string(), events: z.string(), cancellation: z.string() }),
}).openapi("Order");

export type OrderDocument = z.output<typeof OrderDocument>;

/** What is known of one order; at least one of the two is there. */
export interface KnownOrder {
  readonly orderId: string;
  readonly accepted?: AcceptedOrder | undefined;
  readonly read?: Read<OrderRow> | undefined;
}

/**
 * Makes the document of an order out of what the gateway has accepted and what `orders` and others have told since.
 *
 * @returns `undefined` when neither says what was bought: nothing but a stray event is known.
 */
export function orderDocument({ orderId, accepted, read }: KnownOrder): OrderDocument | undefined {
  const row = read?.row;
  const purchase: Purchase | undefined = row?.purchase ?? accepted;
  if (purchase === undefined) return undefined;
  const self = `/v1/orders/${orderId}`;
  const { reason = null, cancellation = "none", trackingCode = null } = row ?? {};
  return {
    orderId,
    status: row === undefined || row.status === "unknown" ? "accepted" : row.status,
    ...(reason === null ? {} : { reason }),
    currency: purchase.currency,
    totalMinor: purchase.totalMinor,
    lines: purchase.lines.map(({ sku, units, unitPriceMinor, priceEventId }) => ({
      sku,
      units,
      unitPriceMinor,
      priceEventId,
    })),
    addressRef: purchase.addressRef,
    ...(accepted === undefined ? {} : { acceptedAt: new Date(accepted.acceptedAtMs).toISOString() }),
    ...(cancellation === "none" ? {} : { cancellation }),
    ...(trackingCode === null ? {} : { trackingCode }),
    progress: sortedLog(row?.log ?? []).map(progressDocument),
    links: { self, events: `${self}/events`, cancellation: `${self}/cancellation` },
  };
}

/** @returns The id of the newest event in the document, for readers who resume. */
export function progressIdOfOrder({ orderId, read }: KnownOrder): string {
  return encodeProgressId(progressIdOf(orderId, read?.seen ?? {}));
}

export function progressDocument({ atMs, step, outcome, next }: LogEntry): z.output<typeof ProgressDocument> {
  return { at: new Date(atMs).toISOString(), step, outcome, ...(next === undefined ? {} : { next }) };
}
