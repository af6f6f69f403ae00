/** What a process says about itself: it has begun, it has lasted for a while, it has come to its end in order. */
export type RunNote = "begun" | "steady" | "stopped";

/** What outlives a process that died in the middle: how often that happened, and what it was about to do. */
export interface RunRecord {
  /**
   * Notes where a process stands. Effects that an earlier run of the replica holds are free once another one has begun.
   *
   * @param ordinal Which replica of the service, from 0.
   * @returns How many runs of this replica before this one died without having lasted, one after the other.
   */
  noteRun(ordinal: number, note: RunNote): Promise<number>;
  /**
   * @param digests What envelopes are known by; distinct.
   * @returns How often those of them were begun of which nothing became; the others are not in it.
   */
  countBegun(digests: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Notes that messages are begun, before anything else happens to them. */
  noteBegun(digests: readonly string[]): Promise<void>;
  /** Notes that something became of them, whatever it was. */
  noteEnded(digests: readonly string[]): Promise<void>;
}
