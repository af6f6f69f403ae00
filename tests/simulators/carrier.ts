import { type Clock, type IdSource, systemClock, systemIds } from "@mesh/base";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { type CarrierBooks, type CarrierLine, openCarrierBooks, type Shipment } from "./carrier_books.ts";
import { mountControls } from "./controls.ts";
import { droppedAnswer, type RunningServer, serveHttp } from "./http_server.ts";
import { type Intake, openIntake, type SimulatorOptions } from "./intake.ts";
import { openJournal } from "./journal.ts";
import { createSwitchboard, type Switchboard, type Switches, switchesSchema } from "./switches.ts";

const Text = z.string().min(1).max(200);

const ShipmentRequest = z.strictObject({
  /** What the sender calls the shipment; the order's id. */
  reference: Text,
  recipient: z.strictObject({
    name: Text,
    lines: z.array(Text).min(1).max(6),
    postcode: Text,
    city: Text,
    country: z.string().regex(/^[A-Z]{2}$/),
  }),
  parcels: z.array(z.strictObject({ sku: Text, units: z.int().min(1) })).min(1).max(100),
});

/** The postcode that the carrier does not deliver to, for trying a refusal. */
export const undeliverablePostcode = "00000";

interface Carrier {
  readonly books: CarrierBooks;
  readonly switchboard: Switchboard<Switches>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly intake: Intake;
}

/**
 * Starts the parcel carrier: `POST /v1/shipments` with an `Idempotency-Key`, `GET /v1/shipments?reference=`.
 *
 * It keeps no address: what it books is known by its reference.
 *
 * @param options Port, clock, randomness and the file that keeps what was booked.
 * @returns The listening server.
 * @throws {ConfigError} If the port cannot be bound.
 * @throws {Error} If the journal is broken.
 */
export async function startCarrier(options: SimulatorOptions = {}): Promise<RunningServer> {
  const { clock = systemClock, random = Math.random } = options;
  const journal = openJournal<CarrierLine>(options.journalPath);
  const switchboard = createSwitchboard(switchesSchema, random);
  const intake = openIntake(switchboard, clock);
  const carrier: Carrier = {
    books: openCarrierBooks(journal),
    switchboard,
    clock,
    ids: options.ids ?? systemIds(clock),
    intake,
  };
  const server = await serveHttp(carrierApp(carrier).fetch, options.port ?? 0, options.host).catch((error) => {
    journal[Symbol.dispose]();
    throw error;
  });
  return {
    ...server,
    [Symbol.asyncDispose]: async () => {
      intake.close();
      await server[Symbol.asyncDispose]();
      journal[Symbol.dispose]();
    },
  };
}

function carrierApp(carrier: Carrier): Hono {
  const { books, switchboard, intake } = carrier;
  const app = new Hono();
  mountControls(app, {
    switchboard,
    ledger: (orderId) => ({ ...books.ledger(orderId), requests: intake.counts() }),
    reset: () => {
      books.clear();
      intake.reset();
    },
  });
  app.post("/v1/shipments", (c) => book(carrier, c));
  app.get("/v1/shipments", async (c) => {
    const fate = intake.deal(false);
    if (fate.failStatus !== undefined) return refuse(c, fate.failStatus, "unavailable", "The carrier has a fault.");
    await intake.holdBack(fate);
    return c.json({ shipments: books.withReference(c.req.query("reference") ?? "") });
  });
  return app;
}

async function book(carrier: Carrier, c: Context): Promise<Response> {
  const { books, intake } = carrier;
  const fate = intake.deal(true);
  if (fate.failStatus !== undefined) return refuse(c, fate.failStatus, "unavailable", "The carrier has a fault.");
  const text = await c.req.text();
  const parsed = ShipmentRequest.safeParse(jsonOf(text));
  if (!parsed.success) return refuse(c, 400, "request_invalid", z.prettifyError(parsed.error));
  if (parsed.data.recipient.postcode === undeliverablePostcode) {
    return refuse(c, 422, "address_undeliverable", "The carrier does not deliver to this postcode.");
  }
  const deliver = () => bookOnce(carrier, parsed.data.reference, text, c.req.header("idempotency-key"));
  if (fate.isDuplicated) deliver();
  const booked = deliver();
  if (booked === "mismatch") {
    return refuse(c, 409, "idempotency_mismatch", "This Idempotency-Key was first used with another body.");
  }
  if (booked.isReplay) intake.count("replayed");
  await intake.holdBack(fate);
  if (fate.isAnswerLost) {
    intake.count("answersLost");
    return droppedAnswer();
  }
  if (booked.isReplay) c.header("idempotent-replayed", "true");
  return c.json(books.find(booked.shipmentId), 201);
}

interface Booked {
  readonly shipmentId: string;
  readonly isReplay: boolean;
}

/** Books a shipment, or finds the one that was booked with the same key. Without a key every request books. */
function bookOnce(carrier: Carrier, reference: string, body: string, key: string | undefined): Booked | "mismatch" {
  const { books, clock, ids } = carrier;
  const known = key === undefined ? undefined : books.findKey(key, body);
  if (known !== undefined) {
    return known.isSameBody ? { shipmentId: known.shipmentId, isReplay: true } : "mismatch";
  }
  const serial = ids.next().replaceAll("-", "");
  const shipment: Shipment = {
    shipmentId: `shp_${serial}`,
    trackingCode: `JT${serial.slice(-12).toUpperCase()}`,
    reference,
    bookedAtMs: clock.nowMs(),
  };
  books.book({ shipment, ...(key === undefined ? {} : { key, body }) });
  return { shipmentId: shipment.shipmentId, isReplay: false };
}

function refuse(c: Context, status: number, code: string, message: string): Response {
  return c.json({ error: { code, message } }, status as 400);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
