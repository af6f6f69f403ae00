import type { RunNote } from "../run_record.ts";
import type { Tables } from "./tables.ts";

/** Notes where a process stands; when it begins, effects that its replica holds are abandoned. */
export function noteRun({ runs, effects }: Tables, ordinal: number, note: RunNote): number {
  if (note === "begun") {
    for (const [id, row] of effects) {
      if (row.leasedBy === ordinal && row.leasedUntilMs > 0) {
        effects.set(id, Object.freeze({ ...row, isAbandoned: true }));
      }
    }
  }
  const old = runs.get(ordinal);
  const diedCount = note === "begun" && old?.isRunning === true ? old.diedCount + 1 : 0;
  runs.set(ordinal, Object.freeze({ isRunning: note !== "stopped", diedCount }));
  return diedCount;
}

/** Counts how often messages were begun of which nothing became. */
export function countBegun({ suspects }: Tables, digests: readonly string[]): ReadonlyMap<string, number> {
  return new Map(digests.flatMap((digest) => {
    const count = suspects.get(digest);
    return count === undefined ? [] : [[digest, count]];
  }));
}

/** Notes that messages are begun. */
export function noteBegun({ suspects }: Tables, digests: readonly string[]): void {
  for (const digest of digests) suspects.set(digest, (suspects.get(digest) ?? 0) + 1);
}

/** Notes that something became of them. */
export function noteEnded({ suspects }: Tables, digests: readonly string[]): void {
  for (const digest of digests) suspects.delete(digest);
}
