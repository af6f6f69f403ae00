import type { RunNote } from "../run_record.ts";
import type { Tables } from "./tables.ts";

/** Notes where a process stands. */
export function noteRun({ runs }: Tables, ordinal: number, note: RunNote): number {
  const old = runs.get(ordinal);
  const diedCount = note === "begun" && old?.isRunning === true ? old.diedCount + 1 : 0;
  runs.set(ordinal, Object.freeze({ isRunning: note !== "stopped", diedCount }));
  return diedCount;
}

/** Notes that a message is taken up alone. */
export function beginAlone({ suspects }: Tables, digest: string): number {
  const begunCount = suspects.get(digest) ?? 0;
  suspects.set(digest, begunCount + 1);
  return begunCount;
}
