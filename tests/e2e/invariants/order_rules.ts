import type { Rule, ShopFacts, StoredEvent, Violation } from "./facts.ts";
import { orderHistories, refusedOrders } from "./order_histories.ts";

/** Every 202 has an order: placed, or refused. */
export const noOrderIsLost: Rule = (facts) => {
  const placed = orderHistories(facts);
  const refused = refusedOrders(facts);
  return facts.journal.accepted.filter((orderId) => !placed.has(orderId) && !refused.has(orderId))
    .map((orderId) => ({ rule: "I1", what: `order ${orderId} was accepted and is neither placed nor refused` }));
};

/** Every order was asked for. */
export const noOrderIsMadeUp: Rule = (facts) => {
  const accepted = new Set(facts.journal.accepted);
  const others = [...orderHistories(facts).keys()].filter((orderId) => !accepted.has(orderId));
  if (others.length <= facts.journal.unknownCount) return [];
  return others.map((orderId) => ({ rule: "I2", what: `order ${orderId} was placed and never accepted` }));
};

/** Every placed order has ended, once, and its saga with it; nothing waits. */
export const everyOrderEnds: Rule = (facts) => {
  const violations: Violation[] = [];
  const sagas = lastOfEach(facts.events.filter(({ stream }) => stream.startsWith(sagaPrefix)));
  for (const { orderId, ends } of orderHistories(facts).values()) {
    if (ends.length !== 1) violations.push({ rule: "I3", what: `order ${orderId} has ${ends.length} ends` });
    const saga = sagas.get(`${sagaPrefix}${orderId}`)?.data;
    const phase = saga?.phase ?? "not-started";
    if (phase !== "completed" && phase !== "rejected") {
      violations.push({ rule: "I3", what: `the saga of order ${orderId} stands at ${phase}, ${saga?.step}` });
    }
    if (saga?.needsAttention === true) {
      violations.push({ rule: "I3", what: `the saga of order ${orderId} needs attention` });
    }
  }
  for (const [service, count] of Object.entries(facts.unsettled)) {
    violations.push({ rule: "I3", what: `${service} has ${count} messages or effects that are not settled` });
  }
  return violations;
};

/** What was done is what the end says: everything for a confirmed order, nothing for a rejected one. */
export const endsAreTrue: Rule = (facts) => {
  const violations: Violation[] = [];
  const shippedUnits = unitsShipped(facts);
  for (const { orderId, ends, lines } of orderHistories(facts).values()) {
    const isConfirmed = ends[0] === "confirmed";
    const parcels = facts.parcels[orderId] ?? 0;
    if (ends.length > 0 && parcels !== (isConfirmed ? 1 : 0)) {
      violations.push({ rule: "I4", what: `order ${orderId} is ${ends[0]} and has ${parcels} parcels` });
    }
    for (const { sku, units } of lines) {
      const shipped = shippedUnits.get(`${orderId} ${sku}`) ?? 0;
      if (ends.length > 0 && shipped !== (isConfirmed ? units : 0)) {
        const what = `order ${orderId} is ${ends[0]} and ${shipped} of ${units} units of ${sku} were shipped`;
        violations.push({ rule: "I4", what });
      }
    }
  }
  return violations;
};

/** The storefront shows each order as `orders` has recorded it. */
export const whatIsShownIsTrue: Rule = (facts) => {
  const violations: Violation[] = [];
  for (const { orderId, ends, reason } of orderHistories(facts).values()) {
    const status = ends.length === 0 ? "placed" : reason === "cancelled" ? "cancelled" : ends[0];
    const shown = facts.shownStatuses[orderId] ?? "nothing";
    if (shown !== status) {
      violations.push({ rule: "I17", what: `order ${orderId} is ${status} and is shown as ${shown}` });
    }
  }
  return violations;
};

const sagaPrefix = "orchestrator/place-order/";

function lastOfEach(events: readonly StoredEvent[]): ReadonlyMap<string, StoredEvent> {
  const last = new Map<string, StoredEvent>();
  for (const event of events) {
    if (event.version > (last.get(event.stream)?.version ?? 0)) last.set(event.stream, event);
  }
  return last;
}

/** Units that left the house, by order and SKU. */
function unitsShipped({ events }: ShopFacts): ReadonlyMap<string, number> {
  const units = new Map<string, number>();
  for (const { type, data } of events) {
    if (type !== "inventory.stock-shipped-out") continue;
    const line = `${data.orderId} ${data.sku}`;
    units.set(line, (units.get(line) ?? 0) + Number(data.units));
  }
  return units;
}
