import { systemClock } from "@mesh/base";
import { waitFor } from "../../e2e/harness/mod.ts";
import type { Customer } from "../../e2e/storefront/mod.ts";
import { coolSkus, hotSku, type LaneShop, unitsThatFail } from "./lane_shop.ts";

/** How to measure. */
export interface NeighbourPlan {
  /** Of each kind. */
  readonly rounds: number;
  readonly orders: number;
  /** Orders a second. */
  readonly rate: number;
  /** Told what each round came to. */
  readonly onRound?: (line: string) => void;
}

/** What one half of the orders felt. */
export interface Neighbours {
  readonly who: string;
  /** From 202 to confirmed, in milliseconds, without and beside orders that fail. */
  readonly calm: Quantiles;
  readonly beside: Quantiles;
  /** Of the 99th percentiles. */
  readonly ratio: number;
}

/** Milliseconds. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

interface Placed {
  readonly orderId: string;
  readonly isHot: boolean;
  readonly acceptedAtMs: number;
}

/** One order in ten comes beside the others and fails. */
const failingEvery = 10;

/** Measures rounds without and with orders that fail, in turns, over the same shop. */
export async function measureNeighbours(world: LaneShop, plan: NeighbourPlan): Promise<readonly Neighbours[]> {
  const durations = {
    calm: { hot: [] as number[], cool: [] as number[] },
    beside: { hot: [] as number[], cool: [] as number[] },
  };
  const customer = await world.customer();
  // Not measured: every process runs its code for the first time.
  await playRound(world, customer, { ...plan, hasFailing: true });
  for (let round = 0; round < 2 * plan.rounds; round += 1) {
    // In the order that favours neither: calm, beside, beside, calm.
    const kind = (round % 4 === 1 || round % 4 === 2) ? "beside" : "calm";
    const found = await playRound(world, customer, { ...plan, hasFailing: kind === "beside" });
    durations[kind].hot.push(...found.hot);
    durations[kind].cool.push(...found.cool);
    plan.onRound?.(
      `${kind}: same product p99 ${quantilesOf(found.hot).p99} ms, others ${quantilesOf(found.cool).p99} ms`,
    );
  }
  return ([["same product", "hot"], ["other products", "cool"]] as const).map(([who, half]) => {
    const [calm, beside] = [quantilesOf(durations.calm[half]), quantilesOf(durations.beside[half])];
    return { who, calm, beside, ratio: beside.p99 / calm.p99 };
  });
}

/** Writes it as a table in Markdown. */
export function neighbourTable(found: readonly Neighbours[]): string {
  const rows = found.map(({ who, calm, beside, ratio }) => [
    who,
    `${calm.count}, ${beside.count}`,
    `${calm.p50} ms, ${beside.p50} ms`,
    `${calm.p99} ms`,
    `${beside.p99} ms`,
    ratio.toFixed(2),
  ]);
  const header = ["orders for", "orders", "p50 without, beside", "p99 without", "p99 beside orders that fail", "ratio"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @returns Nearest ranks. */
export function quantilesOf(durationsMs: readonly number[]): Quantiles {
  const sorted = durationsMs.toSorted((left, right) => left - right);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
  return { count: sorted.length, p50: rank(0.5), p99: rank(0.99) };
}

async function playRound(
  world: LaneShop,
  customer: Customer,
  { orders, rate, hasFailing }: Pick<NeighbourPlan, "orders" | "rate"> & { readonly hasFailing: boolean },
): Promise<{ readonly hot: readonly number[]; readonly cool: readonly number[] }> {
  const startedMs = systemClock.monotonicMs();
  const asked: Promise<Placed | undefined>[] = [];
  for (let at = 0; at < orders; at += 1) {
    const waitMs = startedMs + at * 1_000 / rate - systemClock.monotonicMs();
    if (waitMs > 0) await systemClock.delay(waitMs);
    const isHot = at % 2 === 0;
    asked.push(place(customer, isHot ? hotSku : coolSkus[at % coolSkus.length]!, { units: 1, isHot }));
    if (hasFailing && at % failingEvery === 0) {
      asked.push(place(customer, hotSku, { units: unitsThatFail, isHot }).then(() => undefined));
    }
  }
  const placed = (await Promise.all(asked)).filter((one) => one !== undefined);
  const ends = await endsOf(world, placed);
  const durations = (half: boolean) =>
    placed.filter(({ isHot }) => isHot === half).map(({ orderId, acceptedAtMs }) => ends.get(orderId)! - acceptedAtMs);
  return { hot: durations(true), cool: durations(false) };
}

async function place(
  customer: Customer,
  sku: string,
  { units, isHot }: { readonly units: number; readonly isHot: boolean },
): Promise<Placed> {
  const orderId = await customer.place({ lines: [{ sku, units }] });
  return { orderId, isHot, acceptedAtMs: systemClock.nowMs() };
}

/** When each order was confirmed, in milliseconds since 1970; one clock, as all runs on one machine. */
async function endsOf({ records }: LaneShop, placed: readonly Placed[]): Promise<ReadonlyMap<string, number>> {
  const streams = placed.map(({ orderId }) => `orders/${orderId}`);
  return await waitFor("the end of all orders", async () => {
    const ended = await records.sql("orders")<{ orderId: string; atMs: number }[]>`
      select data->>'orderId' as "orderId", recorded_at_ms as "atMs" from mesh.event
      where stream = any(${streams}) and type = 'orders.order-confirmed'`;
    return ended.length === placed.length ? new Map(ended.map(({ orderId, atMs }) => [orderId, atMs])) : undefined;
  }, 120_000);
}
