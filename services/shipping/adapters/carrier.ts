import type { EffectAdapter } from "@mesh/actor";
import { DefectError, errorText, UnavailableError } from "@mesh/base";
import { z } from "zod";

/** Asks for a shipment. `addressRef` names an address that only `users` knows. */
export interface BookShipmentRequest {
  readonly orderId: string;
  readonly addressRef: string;
  readonly parcels: readonly { readonly sku: string; readonly units: number; readonly warehouse: string }[];
}

/** The shipment is booked, or the carrier, or nobody, can deliver it there. */
export type BookShipmentOutcome =
  | { readonly result: "booked"; readonly trackingCode: string }
  | { readonly result: "refused"; readonly reason: string };

/** Where a parcel goes. Personal data: it passes through an effect and stays nowhere. */
export interface Address {
  readonly name: string;
  readonly lines: readonly string[];
  readonly postcode: string;
  readonly city: string;
  /** ISO 3166-1, two letters. */
  readonly country: string;
}

/** What the carrier's adapter works with. */
export interface CarrierOptions {
  /** `http://host:port`, without a slash at the end. */
  readonly baseUrl: string;
  /**
   * Fetches an address from `users`.
   *
   * @returns The address, or `undefined` if it was erased.
   * @throws {UnavailableError} If `users` does not answer.
   */
  readonly resolveAddress: (addressRef: string, signal: AbortSignal) => Promise<Address | undefined>;
}

/** The carrier's effects, by name. */
export interface Carrier {
  readonly "book-shipment": EffectAdapter<BookShipmentRequest, BookShipmentOutcome>;
}

const Shipment = z.object({ trackingCode: z.string().min(1).max(100) });
const Shipments = z.object({ shipments: z.array(Shipment) });
const Refusal = z.object({ error: z.object({ code: z.string().min(1).max(100) }) });

/**
 * Makes the adapter that books shipments with the carrier.
 *
 * The effect's idempotency key goes along, so a repeat is the same shipment; also the one that Deno's `fetch` sends by
 * itself when a kept connection closes before the answer begins (denoland/deno#35610).
 *
 * @param options Where the carrier is, and how to learn an address.
 */
export function createCarrier({ baseUrl, resolveAddress }: CarrierOptions): Carrier {
  return {
    "book-shipment": {
      perform: async ({ orderId, addressRef, parcels }, { idempotencyKey, signal }) => {
        const recipient = await resolveAddress(addressRef, signal);
        if (recipient === undefined) return { result: "refused", reason: "address_unknown" };
        const attempted = `book shipment of order "${orderId}"`;
        // Which warehouse a parcel leaves from is no business of the carrier's.
        const contents = parcels.map(({ sku, units }) => ({ sku, units }));
        const answer = await send(attempted, `${baseUrl}/v1/shipments`, {
          method: "POST",
          headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
          body: JSON.stringify({ reference: orderId, recipient, parcels: contents }),
          signal,
        });
        // 422: the carrier understood and will not; the same request gets the same answer.
        if (answer.status === 422) {
          return { result: "refused", reason: read(attempted, Refusal, answer.body).error.code };
        }
        requireSuccess(attempted, answer);
        return { result: "booked", trackingCode: read(attempted, Shipment, answer.body).trackingCode };
      },
      find: async ({ orderId }, { signal }) => {
        const attempted = `find shipment of order "${orderId}"`;
        const url = `${baseUrl}/v1/shipments?reference=${encodeURIComponent(orderId)}`;
        const answer = await send(attempted, url, { signal });
        requireSuccess(attempted, answer);
        const [shipment] = read(attempted, Shipments, answer.body).shipments;
        return shipment && { result: "booked", trackingCode: shipment.trackingCode };
      },
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function send(attempted: string, url: string, init: RequestInit): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, redirect: "error" });
    return { status: response.status, body: await response.json() };
  } catch (error) {
    throw unavailable(attempted, errorText(error), error);
  }
}

/** Refused credentials, faults and too many requests may be different next time; a malformed request never is. */
function requireSuccess(attempted: string, { status }: Answer): void {
  if (status >= 200 && status < 300) return;
  if (status === 400 || status === 404 || status === 409) {
    throw new DefectError(`Cannot ${attempted}: the carrier answered ${status}`, { dependency: "carrier" });
  }
  throw unavailable(attempted, `the carrier answered ${status}`);
}

/** What the carrier says may be anything; an answer that is not understood is none. */
function read<Schema extends z.ZodType>(attempted: string, schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw unavailable(attempted, "the carrier's answer is not understood", parsed.error);
}

function unavailable(attempted: string, found: string, cause?: unknown): UnavailableError {
  return new UnavailableError(`Cannot ${attempted}: ${found}`, { cause, dependency: "carrier" });
}
