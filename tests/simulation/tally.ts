import { type FaultCounts, type FaultKind, faultKinds, noFaults } from "@mesh/testing/simulation";
import type { ScheduleResult } from "./shop_schedule.ts";

/** What many schedules have come to. */
export interface Tally {
  schedules: number;
  confirmed: number;
  refused: number;
  /** By reason. */
  readonly rejected: Record<string, number>;
  readonly faults: FaultCounts;
  events: number;
  virtualMs: number;
}

/** @returns A tally of nothing. */
export function emptyTally(): Tally {
  return { schedules: 0, confirmed: 0, refused: 0, rejected: {}, faults: noFaults(), events: 0, virtualMs: 0 };
}

/** Adds one schedule. */
export function addToTally(tally: Tally, { outcomes, faults, eventCount, virtualMs }: ScheduleResult): void {
  tally.schedules += 1;
  tally.confirmed += outcomes.confirmed;
  tally.refused += outcomes.refused;
  for (const [reason, count] of Object.entries(outcomes.rejected)) {
    tally.rejected[reason] = (tally.rejected[reason] ?? 0) + count;
  }
  for (const kind of faultKinds) tally.faults[kind] += faults[kind];
  tally.events += eventCount;
  tally.virtualMs += virtualMs;
}

/** Share of orders that must be completed. */
const completedShareMin = 0.6;
/** Share of orders that must end in each other way. */
const reasonShareMin = 0.01;
/** Times per schedule that each fault must have been made. */
const faultFloor = 0.1;
/** Below so many schedules shares say nothing. */
const meaningfulCount = 100;

const reasons = ["out-of-stock", "stock-unknown", "declined", "payment-unknown", "capture-refused", "cancelled"];

/**
 * Says what a run did not do: one that completes nothing, or meets no faults, passes for nothing (I20).
 *
 * @returns Complaints; empty when all is well or the run was too short to tell.
 */
export function findIdleness(tally: Tally): readonly string[] {
  if (tally.schedules < meaningfulCount) return [];
  const { confirmed, rejected, faults, schedules } = tally;
  const ended = orderCount(tally);
  const complaints: string[] = [];
  if (confirmed < completedShareMin * ended) complaints.push(`only ${confirmed} of ${ended} orders were completed`);
  for (const reason of reasons) {
    const count = rejected[reason] ?? 0;
    if (count < reasonShareMin * ended) complaints.push(`only ${count} of ${ended} orders ended as "${reason}"`);
  }
  const floor = Math.ceil(faultFloor * schedules);
  for (const kind of faultKinds) {
    if (faults[kind] < floor) complaints.push(`fault "${kind}" was made ${faults[kind]} times, its floor is ${floor}`);
  }
  return complaints;
}

/** What a run took. */
export interface Effort {
  readonly seconds: number;
  /** Of all cores together. */
  readonly cpuSeconds: number;
  readonly jobs: number;
}

/** Writes a tally for people. */
export function tallyText(tally: Tally, { seconds, cpuSeconds, jobs }: Effort): string {
  const ended = orderCount(tally);
  const share = (count: number) => `${count} (${(100 * count / Math.max(1, ended)).toFixed(1)} %)`;
  const others = Object.entries(tally.rejected).sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${share(count)}`);
  const faults = faultKinds.map((kind: FaultKind) => `${kind} ${tally.faults[kind]}`);
  const perMinute = Math.round(60 * tally.schedules / seconds);
  return [
    `schedules  ${tally.schedules} in ${seconds.toFixed(1)} s, ${perMinute} a minute on ${jobs} core${
      jobs > 1 ? "s" : ""
    }; ` +
    `${(1000 * cpuSeconds / Math.max(1, tally.schedules)).toFixed(0)} ms of processor time each, ` +
    `${Math.round(tally.virtualMs / 1000 / seconds)} virtual seconds a second`,
    `orders     ${ended}: completed ${share(tally.confirmed)}, ${others.join(", ")}`,
    `faults     ${faults.join(", ")}`,
  ].join("\n");
}

/** @returns Orders that have ended. */
export function orderCount({ confirmed, rejected, refused }: Tally): number {
  return confirmed + refused + Object.values(rejected).reduce((sum, count) => sum + count, 0);
}
