import { systemClock } from "@mesh/base";
import { type TestShop, waitFor } from "../e2e/harness/mod.ts";
import { type Tally, tallyOf, untilSound, type Violation } from "../e2e/invariants/mod.ts";
import { newCustomer, type WantedOrder } from "../e2e/storefront/mod.ts";
import type { Fault } from "./faults.ts";
import { OrderStream } from "./order_stream.ts";

/** Orders that must be in flight when something breaks. */
export const inFlightMin = 50;
/** 2 minutes: every accepted order has ended by then. */
export const endLimitMs = 120_000;

/** What became of one fault. */
export interface Blow {
  readonly fault: string;
  /** Orders in flight when it struck. */
  readonly inFlight: number;
  /** From the strike until it served again, in milliseconds. */
  readonly mendedAfterMs: number;
  /** From then until the last order had ended that was in flight when it struck, in milliseconds. */
  readonly endedAfterMs: number;
}

/** What an ordeal came to. */
export interface Outcome {
  readonly violations: readonly Violation[];
  readonly tally: Tally;
  readonly blows: readonly Blow[];
}

interface Strike {
  readonly fault: string;
  /** Orders in flight. */
  readonly hit: readonly string[];
  /** Milliseconds since 1970. */
  readonly struckAtMs: number;
  readonly mendedAtMs: number;
}

/** A shop under orders, in which things break one after the other. */
export class Ordeal implements AsyncDisposable {
  readonly #test: TestShop;
  readonly #strikes: Strike[] = [];
  readonly #verdicts = new Map<string, string | null>();
  readonly stream: OrderStream;

  /** Use {@link begin}. */
  constructor(test: TestShop, stream: OrderStream) {
    this.#test = test;
    this.stream = stream;
  }

  /** Makes the provider take its time, so that orders are in flight when things break, and lets orders come. */
  static async begin(test: TestShop): Promise<Ordeal> {
    const { shop } = test;
    await slowDownProvider(test, providerDelayMs);
    const target = inFlightMin + 15;
    const ordeal = new Ordeal(
      test,
      new OrderStream(test, { target, wanted, newCustomer: () => newCustomer(shop.url) }),
    );
    ordeal.stream.start();
    return ordeal;
  }

  /** Waits until enough orders are in flight, breaks something, mends it, and waits until one of them ends. */
  async endure({ name: fault, strike, mend }: Fault, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const { stream } = this;
    await waitFor(`${inFlightMin} orders in flight`, async () => {
      await stream.look();
      return stream.inFlight.length >= inFlightMin;
    }, endLimitMs);
    const hit = stream.inFlight;
    const struckAtMs = systemClock.nowMs();
    await strike();
    await meanwhile();
    await mend();
    this.#strikes.push({ fault, hit, struckAtMs, mendedAtMs: systemClock.nowMs() });
    await waitFor(`an end of an order that was in flight when ${fault} broke`, async () => {
      await stream.look();
      return hit.some((orderId) => (stream.passages.get(orderId)?.endedAtMs ?? 0) > struckAtMs);
    }, endLimitMs);
  }

  /** Places no more orders, waits until all have ended and all is quiet, and checks everything since the beginning. */
  async conclude(): Promise<Outcome> {
    const { stream } = this;
    await stream.stop();
    await waitFor("the end of all orders", async () => {
      await stream.look();
      return stream.inFlight.length === 0;
    }, endLimitMs);
    const journal = { accepted: [...stream.passages.keys()], unknownCount: 0 };
    const { facts, violations } = await untilSound(this.#test, { journal, verdicts: this.#verdicts }, endLimitMs);
    return { violations, tally: tallyOf(facts), blows: this.#strikes.map((each) => this.#blowOf(each)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stream[Symbol.asyncDispose]();
  }

  #blowOf({ fault, hit, struckAtMs, mendedAtMs }: Strike): Blow {
    const ends = hit.map((orderId) => this.stream.passages.get(orderId)?.endedAtMs ?? Infinity);
    return {
      fault,
      inFlight: hit.length,
      mendedAfterMs: mendedAtMs - struckAtMs,
      endedAfterMs: Math.max(0, Math.max(...ends) - mendedAtMs),
    };
  }
}

/** 800 ms per call: with 16 calls at once about ten orders end each second, and an order takes some seconds. */
const providerDelayMs = 800;

/** Makes the payment provider answer so late. */
export async function slowDownProvider({ shop }: TestShop, delayMs: number): Promise<void> {
  const switches = `http://127.0.0.1:${shop.ports.payment}/_simulator/switches`;
  const response = await fetch(switches, { method: "PUT", body: JSON.stringify({ delayMs }) });
  await response.body?.cancel();
}

/** Orders of every kind, most of them good. */
export function wanted(index: number): WantedOrder {
  const sku = `TEA-00${String(1 + index % 11).padStart(2, "0")}`;
  const other = `TEA-00${String(1 + (index + 5) % 11).padStart(2, "0")}`;
  const lines = index % 3 === 0 ? [{ sku, units: 1 }, { sku: other, units: 2 }] : [{ sku, units: 1 }];
  const isDeclined = index % 12 === 7;
  const isTooMuch = index % 12 === 11;
  return {
    lines: isTooMuch ? [{ sku, units: 1 }, { sku: "TEA-0012", units: 4 }] : lines,
    ...(isDeclined ? { paymentMethod: "pm_card_chargeDeclined" } : {}),
  };
}
