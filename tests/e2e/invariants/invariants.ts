import type { Rule, ShopFacts, Violation } from "./facts.ts";
import { moneyFollowsTheEnd, oneCaptureAtMost, theLedgerBalances } from "./money_rules.ts";
import { orderHistories, refusedOrders } from "./order_histories.ts";
import { endsAreTrue, everyOrderEnds, noOrderIsLost, noOrderIsMadeUp, whatIsShownIsTrue } from "./order_rules.ts";
import {
  everythingIsAudited,
  historiesAreWhole,
  nothingDies,
  oneNoticeEach,
  onlyProvenMessagesCount,
} from "./record_rules.ts";
import { noHoldOutlivesItsOrder, stockIsExact } from "./stock_rules.ts";

/** Every rule that a quiet shop must keep. */
export const rules: readonly Rule[] = [
  noOrderIsLost,
  noOrderIsMadeUp,
  everyOrderEnds,
  endsAreTrue,
  oneCaptureAtMost,
  moneyFollowsTheEnd,
  theLedgerBalances,
  stockIsExact,
  noHoldOutlivesItsOrder,
  oneNoticeEach,
  historiesAreWhole,
  everythingIsAudited,
  onlyProvenMessagesCount,
  nothingDies,
  whatIsShownIsTrue,
];

/** What a run came to, so that a test can say that it was not idle. */
export interface Tally {
  readonly placed: number;
  readonly refused: number;
  readonly confirmed: number;
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly events: number;
  readonly handled: number;
}

/** @returns Everything that does not hold; empty when all is well. */
export function findViolations(facts: ShopFacts): readonly Violation[] {
  return rules.flatMap((rule) => rule(facts));
}

/** Counts what happened. */
export function tallyOf(facts: ShopFacts): Tally {
  const orders = [...orderHistories(facts).values()];
  const reasons = Map.groupBy(orders.filter(({ reason }) => reason !== null), ({ reason }) => reason!);
  return {
    placed: orders.length,
    refused: refusedOrders(facts).size,
    confirmed: orders.filter(({ ends }) => ends.includes("confirmed")).length,
    rejected: Object.fromEntries([...reasons].map(([reason, list]) => [reason, list.length])),
    events: facts.events.length,
    handled: facts.handled.length,
  };
}
