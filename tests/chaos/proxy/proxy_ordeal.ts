import { systemClock } from "@mesh/base";
import type { AmqpProxy, FaultName } from "@mesh/testing/amqp-proxy";
import { type TestShop, waitFor } from "../../e2e/harness/mod.ts";
import { type Tally, tallyOf, untilSound, type Violation } from "../../e2e/invariants/mod.ts";
import { newCustomer } from "../../e2e/storefront/mod.ts";
import { endLimitMs, wanted } from "../ordeal.ts";
import { OrderStream } from "../order_stream.ts";
import { type FaultPlan, missingOf } from "./fault_plan.ts";

/** How many orders to place, and under which faults. */
export interface ProxyOrdealOptions {
  readonly plan: FaultPlan;
  /**
   * Orders at least, under faults that chance draws; then more, up to twice as many, while faults below their floor are
   * told to strike.
   */
  readonly orders: number;
  /** Orders in flight that the stream aims at. */
  readonly target: number;
  /** Longest time in which orders are placed, in milliseconds. */
  readonly limitMs: number;
  /** Hears how far it has come. */
  readonly onProgress?: (taken: number, fired: Readonly<Record<FaultName, number>>) => void;
}

/** What a run came to. */
export interface ProxyOutcome {
  readonly violations: readonly Violation[];
  readonly tally: Tally;
  readonly fired: Readonly<Record<FaultName, number>>;
  /** Faults below their floor. */
  readonly missing: readonly FaultName[];
  /** From the first order until the last one had ended, in milliseconds. */
  readonly durationMs: number;
  /** Slowest order, in milliseconds. */
  readonly slowestMs: number;
}

/**
 * Places orders while everything goes wrong between services and broker, waits until all have ended (the faults go on
 * meanwhile), and checks everything that the shop has written down.
 */
export async function endureProxy(
  test: TestShop,
  proxy: AmqpProxy,
  { plan, orders, target, limitMs, onProgress = () => {} }: ProxyOrdealOptions,
): Promise<ProxyOutcome> {
  const startedMs = systemClock.monotonicMs();
  await using stream = new OrderStream(test, { target, wanted, newCustomer: () => newCustomer(test.shop.url) });
  proxy.setRates(plan.rates);
  stream.start();
  const orderMissing = orderInTurn(proxy, plan);
  const isEnough = () => stream.passages.size >= orders && missingOf(proxy.fired, plan).length === 0;
  while (!isEnough() && stream.passages.size < 2 * orders && systemClock.monotonicMs() - startedMs < limitMs) {
    onProgress(stream.passages.size, proxy.fired);
    if (stream.passages.size >= orders) orderMissing();
    await systemClock.delay(progressEveryMs);
  }
  await stream.stop();
  await waitFor("the end of all orders", async () => {
    await stream.look();
    return stream.inFlight.length === 0;
  }, endLimitMs);
  const durationMs = systemClock.monotonicMs() - startedMs;
  const { fired } = proxy;
  proxy.setRates({});
  const journal = { accepted: [...stream.passages.keys()], unknownCount: 0 };
  const { facts, violations } = await untilSound(test, { journal }, endLimitMs);
  const slowestMs = Math.max(
    ...[...stream.passages.values()].map(({ acceptedAtMs, endedAtMs = Infinity }) => endedAtMs - acceptedAtMs),
  );
  return { violations, tally: tallyOf(facts), fired, missing: missingOf(fired, plan), durationMs, slowestMs };
}

/**
 * Chance has had its turn: faults below their floor are told to strike, the next one when the last one has, for all at
 * once would let no order through.
 */
function orderInTurn(proxy: AmqpProxy, plan: FaultPlan): () => void {
  let ordered: { readonly name: FaultName; readonly firedBefore: number } | undefined;
  return () => {
    const { fired } = proxy;
    if (ordered !== undefined && fired[ordered.name] === ordered.firedBefore) return;
    const [name] = missingOf(fired, plan);
    if (name === undefined) return;
    ordered = { name, firedBefore: fired[name] };
    proxy.order(name);
  };
}

/** 500 ms: how soon it is seen that all is done. */
const progressEveryMs = 500;
