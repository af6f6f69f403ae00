import { createHash } from "node:crypto";
import type { Journal } from "./journal.ts";

/** One parcel shipment as the carrier keeps it. */
export interface Shipment {
  readonly shipmentId: string;
  readonly trackingCode: string;
  readonly reference: string;
  readonly bookedAtMs: number;
}

/** One booking: the shipment, and the key and body that it was asked for with. */
export interface Booking {
  readonly shipment: Shipment;
  readonly key?: string;
  readonly body?: string;
}

/** One line of the carrier's journal. The body is kept as its digest, because it holds an address. */
export interface CarrierLine {
  readonly shipment: Shipment;
  readonly key?: string;
  readonly bodyDigest?: string;
}

/** The carrier's truth. */
export interface CarrierBooks {
  book(booking: Booking): void;
  find(shipmentId: string): Shipment | undefined;
  findKey(key: string, body: string): { readonly shipmentId: string; readonly isSameBody: boolean } | undefined;
  withReference(reference: string): readonly Shipment[];
  ledger(reference?: string): CarrierLedger;
  clear(): void;
}

/** What was booked, by order. */
export interface CarrierLedger {
  readonly orders: Readonly<Record<string, { readonly shipments: number; readonly trackingCodes: readonly string[] }>>;
  readonly totals: { readonly shipments: number };
}

/**
 * Opens the books on their journal.
 *
 * They keep everything until they are cleared, because invariants are checked against them.
 *
 * @param journal Where bookings are kept over a restart.
 */
export function openCarrierBooks(journal: Journal<CarrierLine>): CarrierBooks {
  const shipments = new Map<string, Shipment>();
  const keys = new Map<string, { readonly shipmentId: string; readonly bodyDigest: string }>();
  const byReference = new Map<string, Shipment[]>();

  const apply = ({ shipment, key, bodyDigest }: CarrierLine) => {
    shipments.set(shipment.shipmentId, shipment);
    byReference.set(shipment.reference, [...(byReference.get(shipment.reference) ?? []), shipment]);
    if (key !== undefined) keys.set(key, { shipmentId: shipment.shipmentId, bodyDigest: bodyDigest ?? "" });
  };
  journal.lines.forEach(apply);

  return {
    book: ({ shipment, key, body }) => {
      const line = { shipment, ...(key === undefined ? {} : { key, bodyDigest: digestOf(body ?? "") }) };
      journal.append(line);
      apply(line);
    },
    find: (shipmentId) => shipments.get(shipmentId),
    findKey: (key, body) => {
      const known = keys.get(key);
      return known && { shipmentId: known.shipmentId, isSameBody: known.bodyDigest === digestOf(body) };
    },
    withReference: (reference) => byReference.get(reference) ?? [],
    ledger: (reference) => {
      const shown = [...byReference].filter(([id]) => reference === undefined || id === reference);
      return {
        orders: Object.fromEntries(
          shown.map((
            [id, booked],
          ) => [id, { shipments: booked.length, trackingCodes: booked.map(({ trackingCode }) => trackingCode) }]),
        ),
        totals: { shipments: shown.reduce((sum, [, booked]) => sum + booked.length, 0) },
      };
    },
    clear: () => {
      journal.reset();
      [shipments, keys, byReference].forEach((map) => map.clear());
    },
  };
}

function digestOf(body: string): string {
  return createHash("sha256").update(body).digest("base64url");
}
