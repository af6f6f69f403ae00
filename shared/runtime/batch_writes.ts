import { changesLanes, type LaneWrites } from "@mesh/store";
import type { SettledRows } from "./outbox_publisher.ts";
import type { UnsealedWrites } from "./sealing.ts";
import type { Plan, Work } from "./work.ts";

/** @returns What failed before and in the plan, but for what its callers hear of directly. */
export function failuresOf(plan: Plan, failed: ReadonlyMap<Work, unknown>): ReadonlyMap<Work, unknown> {
  if (plan.failures.size === 0) return failed;
  const all = new Map(failed);
  for (const [work, error] of plan.failures) if (work.caller === undefined) all.set(work, error);
  return all;
}

/** What is committed beside the plan. */
export interface Beside {
  readonly after: UnsealedWrites;
  readonly settled: SettledRows;
  readonly lanes: LaneWrites;
}

/** Puts everything that a turn changes together. */
export function mergeWrites(plan: UnsealedWrites, { after, settled, lanes }: Beside): UnsealedWrites {
  return {
    inbox: joined(plan.inbox, after.inbox),
    voided: plan.voided,
    expected: joined(plan.expected, after.expected),
    events: joined(plan.events, after.events),
    snapshots: joined(plan.snapshots, after.snapshots),
    outbox: joined(plan.outbox, after.outbox),
    answered: plan.answered,
    confirmed: settled.confirmed,
    awaiting: settled.awaiting,
    timers: plan.timers,
    effects: plan.effects,
    endedEffects: plan.endedEffects,
    deadLetters: after.deadLetters,
    rows: plan.rows,
    lanes,
    ...(plan.notify === undefined ? {} : { notify: plan.notify }),
  };
}

/** Turns are small and mostly go well: as a rule the second list is empty, and the first is taken as it is. */
function joined<Row>(rows: readonly Row[], others: readonly Row[]): readonly Row[] {
  if (others.length === 0) return rows;
  return rows.length === 0 ? others : [...rows, ...others];
}

/** Nothing that anybody could miss; confirms alone are left to the publisher's own settling. */
export function isEmpty(writes: UnsealedWrites): boolean {
  if (writes.lanes !== undefined && changesLanes(writes.lanes)) return false;
  for (const name in writes) {
    if (name === "notify" || name === "lanes") continue;
    if (writes[name as Exclude<keyof UnsealedWrites, "notify" | "lanes">].length > 0) return false;
  }
  return true;
}
