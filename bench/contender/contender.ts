import type { ContenderSetup, Processes, Work } from "./protocol.ts";

/** What is compared: something that runs four-step sagas. */
export interface Contender {
  /** Its processes; its broker and database only where the bench does not provide them. */
  readonly processes: Processes;
  /**
   * Runs one saga.
   *
   * @returns Once the saga has ended, and as it was to end.
   * @throws {Error} If it ended otherwise.
   */
  runSaga(): Promise<void>;
  /**
   * Waits until nothing is under way any more, then checks what was written down.
   *
   * @param sagas How many have been run since it was opened.
   * @returns What is wrong; empty when every saga ended once and all sums hold.
   */
  judge(sagas: number): Promise<readonly string[]>;
  /**
   * Begins to count what is done; absent where that cannot be told.
   *
   * @returns Reads what was done since, in all, and ends the count; called when nothing is under way any more.
   */
  readonly countWork?: () => Promise<() => Promise<Work>>;
  /** Ends all that it started. */
  stop(): Promise<void>;
}

/** Starts a contender on the servers that it is given. */
export type OpenContender = (setup: ContenderSetup) => Promise<Contender>;
