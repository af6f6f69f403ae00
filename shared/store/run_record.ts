/** What a process says about itself: it has begun, it has lasted for a while, it has come to its end in order. */
export type RunNote = "begun" | "steady" | "stopped";

/** What outlives a process that died in the middle: how often that happened, and what it was about to do. */
export interface RunRecord {
  /**
   * Notes where a process stands.
   *
   * @param ordinal Which replica of the service, from 0.
   * @returns How many runs of this replica before this one died without having lasted, one after the other.
   */
  noteRun(ordinal: number, note: RunNote): Promise<number>;
  /**
   * Notes that a message is taken up alone.
   *
   * @param digest What its envelope is known by.
   * @returns How often it was taken up so before and nothing became of it.
   */
  beginAlone(digest: string): Promise<number>;
  /** Notes that something became of it, whatever it was. */
  endAlone(digest: string): Promise<void>;
}
