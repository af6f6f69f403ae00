import { systemClock, UnavailableError } from "@mesh/base";
import { placeOrder } from "@jangteo/deploy/demo/storefront";
import type { BenchGoods } from "./bench_shop.ts";
import type { OrderEnds } from "./shop_books.ts";

/** One order of a bench. */
export interface PlacedOrder {
  readonly orderId: string;
  readonly sku: string;
  readonly end: string;
  /** From the request to its answer, in milliseconds. */
  readonly acceptedMs: number;
  /** From the request to the order's end, in milliseconds. */
  readonly endedMs: number;
}

/** How much is to be placed. */
export interface Load {
  readonly orders: number;
  readonly inFlight: number;
}

/** 60 s without a single end: something is stuck. */
const stallLimitMs = 60_000;

/**
 * Places orders of one unit each, so many at once: as soon as one has ended, the next is placed.
 *
 * @throws {UnavailableError} If nothing ends for a minute.
 */
export async function placeOrders(
  { customers, skus }: BenchGoods,
  ends: OrderEnds,
  { orders, inFlight }: Load,
): Promise<readonly PlacedOrder[]> {
  const placed: PlacedOrder[] = [];
  const stalled = watchForStall(() => placed.length);
  let next = 0;
  const customerInTurn = async () => {
    while (next < orders) {
      const number = next++;
      const sku = skus[number % skus.length]!;
      const startedMs = systemClock.monotonicMs();
      const orderId = await placeOrder(customers[number % customers.length]!, {
        lines: [{ sku, units: 1 }],
        paymentMethod: "pm_card_visa",
      });
      const acceptedMs = systemClock.monotonicMs() - startedMs;
      const end = await ends.until(orderId);
      placed.push({ orderId, sku, end, acceptedMs, endedMs: systemClock.monotonicMs() - startedMs });
    }
  };
  try {
    await Promise.race([
      Promise.all(Array.from({ length: Math.min(inFlight, orders) }, customerInTurn)),
      stalled.never,
    ]);
  } finally {
    stalled.stop();
  }
  return placed;
}

function watchForStall(countEnded: () => number): { readonly never: Promise<never>; stop(): void } {
  const stopping = new AbortController();
  const watch = async (): Promise<never> => {
    for (let before = -1;;) {
      const count = countEnded();
      if (count === before) {
        throw new UnavailableError(`Cannot go on: no order has ended for ${stallLimitMs} ms, ${count} have before`);
      }
      before = count;
      await systemClock.delay(stallLimitMs, stopping.signal);
      if (stopping.signal.aborted) return await new Promise<never>(() => {});
    }
  };
  return { never: watch(), stop: () => stopping.abort() };
}
