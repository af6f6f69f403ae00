import type { Clock } from "@mesh/base";
import { type Balance, balanceOf } from "./balance.ts";
import { followOrder, isEnded, type ProgressStep, type SeenOrder } from "./follow_order.ts";
import { brokenStreams, type ProvenEvent, readTrail } from "./proven_event.ts";
import type { Ending, Scenario } from "./scenarios.ts";
import { type ShopClient, ShopRefusal, type Visitor } from "./shop_client.ts";
import { type Customer, placeOrder } from "./storefront.ts";

/** Who takes part. */
export interface Cast {
  readonly client: ShopClient;
  readonly customer: Customer;
  readonly auditor: Visitor;
  readonly clock: Clock;
  /** How long the shop may wait for a provider that is silent, in milliseconds. */
  readonly patienceMs: number;
}

/** Hears what happens while it happens. */
export interface Spectator {
  accepted(orderId: string, afterMs: number): void;
  progress(step: ProgressStep, afterMs: number): void;
  /** The demo does something of its own accord. */
  aside(text: string): void;
}

/** What became of one scenario. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly order: SeenOrder;
  /** From the request to the end of the stream, in milliseconds. */
  readonly endedMs: number;
  readonly events: readonly ProvenEvent[];
  readonly balance: Balance;
  /** True where the order was cancelled because the shop would not give up in time. */
  readonly isSkipped: boolean;
  /** Everything that is not as it should be. */
  readonly faults: readonly string[];
}

/**
 * Plays one scenario: places the order, follows it to its end, reads what was signed about it.
 *
 * @throws {UnavailableError} If the shop does not answer, or the order has not ended in time.
 * @throws {ShopRefusal} If the shop refuses something.
 */
export async function playScenario(scenario: Scenario, cast: Cast, spectator: Spectator): Promise<Outcome> {
  const { clock, customer } = cast;
  const startedMs = clock.monotonicMs();
  const orderId = await placeOrder(customer, scenario.order);
  spectator.accepted(orderId, clock.monotonicMs() - startedMs);
  const play: Play = { orderId, scenario, cast, spectator, startedMs, told: new Set() };
  const { order, isSkipped } = await followToItsEnd(play);
  const endedMs = clock.monotonicMs() - startedMs;
  const events = await readTrail(orderId, cast);
  const balance = balanceOf(events.map(({ claims }) => claims));
  const expected: Ending = isSkipped ? { status: "cancelled", reason: "cancelled" } : scenario.expected;
  return {
    scenario,
    order,
    endedMs,
    events,
    balance,
    isSkipped,
    faults: faultsOf({ order, expected, events, balance }),
  };
}

/** 45 s: an undo waits for the lease of a call that nobody has answered, 30 s; everything else is done within a second. */
const endLimitMs = 45_000;

/** One scenario while it is being played. */
interface Play {
  readonly orderId: string;
  readonly scenario: Scenario;
  readonly cast: Cast;
  readonly spectator: Spectator;
  readonly startedMs: number;
  /** Steps that were told already: a resumed stream tells the whole order. */
  readonly told: Set<string>;
}

async function followToItsEnd(play: Play): Promise<{ readonly order: SeenOrder; readonly isSkipped: boolean }> {
  const { orderId, scenario, cast: { customer, patienceMs }, spectator } = play;
  const isUpToTheShop = scenario.isUpToTheShop === true;
  let order = await follow(play, AbortSignal.timeout(isUpToTheShop ? patienceMs : endLimitMs));
  const isSkipped = isUpToTheShop && (order === undefined || !isEnded(order.status));
  if (isSkipped) {
    spectator.aside(`after ${patienceMs / 1000} s the shop still waits; it is set to be more patient than this demo`);
    await cancelOrder(customer, orderId);
    order = await follow(play, AbortSignal.timeout(endLimitMs));
  }
  return { order: order ?? await customer.ask<SeenOrder>({ method: "GET", path: `/v1/orders/${orderId}` }), isSkipped };
}

/** @returns The order as the stream told it last; undefined if it told nothing. */
async function follow(play: Play, signal: AbortSignal): Promise<SeenOrder | undefined> {
  let last: SeenOrder | undefined;
  for await (const news of followOrder(play.orderId, { ...play.cast, signal })) {
    const steps = news.kind === "order" ? news.order.progress : [news.step];
    for (const step of steps) await tell(play, step);
    if (news.kind === "order") last = news.order;
  }
  return last;
}

async function tell({ orderId, scenario, cast, spectator, startedMs, told }: Play, step: ProgressStep): Promise<void> {
  const name = `${step.at} ${step.step} ${step.outcome}`;
  if (told.has(name)) return;
  told.add(name);
  spectator.progress(step, cast.clock.monotonicMs() - startedMs);
  if (!isTurningPoint(scenario, step)) return;
  spectator.aside("the customer cancels");
  await cancelOrder(cast.customer, orderId);
}

/** Whether the saga has come to the step at which the customer cancels. */
function isTurningPoint({ cancelledAt }: Scenario, { next, outcome }: ProgressStep): boolean {
  return cancelledAt !== undefined && next === cancelledAt && (outcome === "succeeded" || outcome === "started");
}

async function cancelOrder(customer: Customer, orderId: string): Promise<void> {
  try {
    await customer.ask({ method: "POST", path: `/v1/orders/${orderId}/cancellation` });
  } catch (error) {
    // It has ended in this very moment, which the stream will tell.
    if (!(error instanceof ShopRefusal && error.problem === "order-ended")) throw error;
  }
}

/** What an ended order is judged by. */
export interface Evidence {
  readonly order: Pick<SeenOrder, "status" | "reason" | "totalMinor">;
  readonly expected: Ending;
  readonly events: readonly ProvenEvent[];
  readonly balance: Balance;
}

/** @returns What is not as it should be: the end, a signature, a chain, stock or money. */
export function faultsOf({ order, expected, events, balance }: Evidence): readonly string[] {
  const isAsExpected = order.status === expected.status && order.reason === expected.reason;
  const shouldPay = expected.status === "confirmed" ? order.totalMinor : 0;
  return [
    ...(isAsExpected ? [] : [`ended as ${endingText(order)}, not as ${endingText(expected)}`]),
    ...events.flatMap(({ claims: { evt, jti }, fault }) => fault === undefined ? [] : [`${evt} ${jti}: ${fault}`]),
    ...brokenStreams(events).map((stream) => `${stream}: its events do not follow upon each other`),
    ...(balance.unitsHeld === 0 ? [] : [`${balance.unitsHeld} units are still held`]),
    ...(balance.paidMinor === shouldPay ? [] : [`${balance.paidMinor} were paid, not ${shouldPay}`]),
    ...(balance.captures <= 1 ? [] : [`the card was charged ${balance.captures} times`]),
  ];
}

/** @returns For example `rejected (out-of-stock)`. */
export function endingText({ status, reason }: { readonly status: string; readonly reason?: string }): string {
  return reason === undefined || reason === status ? status : `${status} (${reason})`;
}
