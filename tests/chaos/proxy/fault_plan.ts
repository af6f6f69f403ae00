import type { FaultDurations, FaultName, FaultRates } from "@mesh/testing/amqp-proxy";

/** What goes wrong in a run, how often, and how often at least. */
export interface FaultPlan {
  /** Chance per occasion. */
  readonly rates: FaultRates;
  readonly durations: Partial<FaultDurations>;
  /** Heartbeats in seconds; a stall of more than twice that long ends its connection. */
  readonly heartbeatMaxSeconds: number;
  /** Each fault but stalls must have struck so often. */
  readonly floor: number;
  readonly stallFloor: number;
}

/**
 * A fault that ends a connection sends back all that lies unanswered at a consumer, and the broker counts that against
 * its delivery limit; so these are rarer than those that strike one message.
 */
const shares: Readonly<Record<FaultName, number>> = Object.freeze({
  "duplicate-publish": 1,
  "reorder-publishes": 2,
  "return-publish": 2.5,
  "cut-publish": 0.7,
  "block": 0.8,
  "delay-confirm": 1,
  "reorder-confirms": 2,
  "drop-confirm": 0.7,
  "nack-confirm": 1,
  "cut-delivery": 0.5,
  "lose-ack": 1.6,
  "cancel-consumer": 0.5,
  "close-channel": 0.3,
  "close-connection": 0.4,
  "stall": 0.08,
});

function ratesAt(rate: number): FaultRates {
  return Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, share * rate]));
}

/** For the gate: a minute, many faults per order. */
export const shortPlan: FaultPlan = Object.freeze<FaultPlan>({
  rates: ratesAt(0.008),
  durations: { stall: [1_000, 6_000], delayConfirm: [20, 2_000] },
  heartbeatMaxSeconds: 2,
  floor: 5,
  stallFloor: 1,
});

/** For a long run: stalls of up to 30 s. */
export const longPlan: FaultPlan = Object.freeze<FaultPlan>({
  rates: ratesAt(0.006),
  // Longer than the 10 s that a publisher waits for a confirm.
  durations: { stall: [1_000, 30_000], delayConfirm: [20, 12_000] },
  heartbeatMaxSeconds: 5,
  floor: 200,
  stallFloor: 10,
});

/** Faults that have struck less often than they must. */
export function missingOf(fired: Readonly<Record<FaultName, number>>, plan: FaultPlan): readonly FaultName[] {
  return (Object.keys(fired) as FaultName[]).filter((name) =>
    fired[name] < (name === "stall" ? plan.stallFloor : plan.floor)
  );
}
