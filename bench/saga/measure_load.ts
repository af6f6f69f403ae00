import { systemClock } from "@mesh/base";
import type { Shop } from "@jangteo/deploy/dev/start-shop";
import type { BenchGoods } from "./bench_shop.ts";
import { type CpuTimes, cpuTimesBetween, readCpuTimes } from "./cpu_time.ts";
import { type Latency, latencyOf } from "../figures/percentiles.ts";
import { type Load, type PlacedOrder, placeOrders } from "./place_orders.ts";
import type { OrderEnds, ShopBooks } from "./shop_books.ts";
import { batchSizeOf, type TurnCount, turnCountOf, turnsBetween } from "./turn_sizes.ts";

/** What one load has shown. */
export interface Measurement {
  readonly load: Load;
  readonly placed: readonly PlacedOrder[];
  /** Orders per second from the first request to the last end. */
  readonly ordersPerSecond: number;
  /** From the request to the 202. */
  readonly accepted: Latency;
  /** From the request to the order's end. */
  readonly ended: Latency;
  /** Time after the last end until nothing was under way any more (notices, read models), in milliseconds. */
  readonly settledMs: number;
  /** Turns by service. */
  readonly turns: Readonly<Record<string, TurnCount & { readonly batchSize: number | undefined }>>;
  /** Processor time per order in milliseconds, until all was quiet. */
  readonly cpuPerOrderMs: CpuTimes;
  /** Mean of cores in use until the last end. */
  readonly coresBusy: number;
}

/** What a measurement is made with. */
export interface Bench {
  readonly shop: Shop;
  readonly books: ShopBooks;
  readonly ends: OrderEnds;
  readonly goods: BenchGoods;
}

/** 120 s: longer than any backlog that a closed loop can leave. */
const quietLimitMs = 120_000;

/** Measures one load. @throws {UnavailableError} If orders stop ending. */
export async function measureLoad(bench: Bench, load: Load): Promise<Measurement> {
  const { shop, ends, goods, books } = bench;
  const turnsBefore = await readTurns(shop);
  const cpuBefore = readCpuTimes(shop);
  const startedMs = systemClock.monotonicMs();
  const placed = await placeOrders(goods, ends, load);
  const elapsedMs = systemClock.monotonicMs() - startedMs;
  const busy = cpuTimesBetween(cpuBefore, readCpuTimes(shop));
  const settledMs = await untilQuiet(books);
  const turnsAfter = await readTurns(shop);
  const used = cpuTimesBetween(cpuBefore, readCpuTimes(shop));
  return {
    load,
    placed,
    ordersPerSecond: placed.length / (elapsedMs / 1000),
    accepted: latencyOf(placed.map(({ acceptedMs }) => acceptedMs)),
    ended: latencyOf(placed.map(({ endedMs }) => endedMs)),
    settledMs,
    turns: Object.fromEntries(shop.serviceNames.map((name) => {
      const turns = turnsBetween(turnsBefore[name]!, turnsAfter[name]!);
      return [name, { ...turns, batchSize: batchSizeOf(turns) }];
    })),
    cpuPerOrderMs: Object.fromEntries(Object.entries(used).map(([name, millis]) => [name, millis / placed.length])),
    coresBusy: Object.values(busy).reduce((sum, millis) => sum + millis, 0) / elapsedMs,
  };
}

/** Waits until no message and no call is under way, or until it makes no sense any more; the check at the end says so. */
export async function untilQuiet(books: ShopBooks): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  for (;;) {
    const elapsedMs = systemClock.monotonicMs() - startedMs;
    if (await books.countUnsettled() === 0 || elapsedMs > quietLimitMs) return elapsedMs;
    await systemClock.delay(50);
  }
}

async function readTurns(shop: Shop): Promise<Readonly<Record<string, TurnCount>>> {
  const read = await Promise.all(shop.serviceNames.map(async (name) => {
    const response = await fetch(`${shop.internalUrl(name)}/metrics`);
    return [name, turnCountOf(await response.text())] as const;
  }));
  return Object.fromEntries(read);
}
