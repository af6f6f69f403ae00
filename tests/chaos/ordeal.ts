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

/** How the orders of an ordeal differ from the usual ones. */
export interface OrdealOptions {
  /** Orders to keep in flight; 65 when absent. */
  readonly target?: number;
  /** What the orders ask for, by their number. */
  readonly wantedAt?: (index: number) => WantedOrder;
}

/** One fault that was made and mended; times in milliseconds since 1970. */
export interface Strike {
  readonly fault: string;
  /** Orders in flight. */
  readonly hit: readonly string[];
  readonly struckAtMs: number;
  /** When it was broken for certain. */
  readonly brokenAtMs: number;
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

  /**
   * Makes the provider take its time, so that orders are in flight when things break, and lets orders come.
   */
  static async begin(test: TestShop, options: OrdealOptions = {}): Promise<Ordeal> {
    const { shop } = test;
    await slowDownProvider(test, providerDelayMs);
    const { target = inFlightMin + 15, wantedAt = wanted } = options;
    const ordeal = new Ordeal(
      test,
      new OrderStream(test, { target, wanted: wantedAt, newCustomer: () => newCustomer(shop.url) }),
    );
    ordeal.stream.start();
    return ordeal;
  }

  /** Waits until enough orders are in flight, breaks something, mends it, and waits until one of them ends. */
  async endure({ name: fault, strike, mend }: Fault, meanwhile: () => Promise<void> = async () => {}): Promise<Strike> {
    const { stream } = this;
    await this.untilFull();
    const hit = stream.inFlight;
    const struckAtMs = systemClock.nowMs();
    await strike();
    const brokenAtMs = systemClock.nowMs();
    await meanwhile();
    await mend();
    const struck = { fault, hit, struckAtMs, brokenAtMs, mendedAtMs: systemClock.nowMs() };
    this.#strikes.push(struck);
    await waitFor(`an end of an order that was in flight when ${fault} broke`, async () => {
      await stream.look();
      return hit.some((orderId) => (stream.passages.get(orderId)?.endedAtMs ?? 0) > struckAtMs);
    }, endLimitMs);
    return struck;
  }

  /** Waits until every order has ended that a fault has hit. @returns When the last one did, in milliseconds since 1970. */
  async untilEnded({ fault, hit }: Strike): Promise<number> {
    const { stream } = this;
    const ends = () => hit.map((orderId) => stream.passages.get(orderId)?.endedAtMs ?? Infinity);
    await waitFor(`the end of all orders that were in flight when ${fault} broke`, async () => {
      await stream.look();
      return ends().every(Number.isFinite);
    }, endLimitMs);
    return Math.max(...ends());
  }

  /** Waits until enough orders are in flight. */
  async untilFull(count = inFlightMin): Promise<void> {
    const { stream } = this;
    await waitFor(`${count} orders in flight`, async () => {
      await stream.look();
      return stream.inFlight.length >= count;
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
