/** Figures that the runtime works with; every default is stated here and nowhere else, and one test pins them. */
export interface RuntimeSettings {
  /** Unacknowledged deliveries that the broker may have under way to this process. */
  readonly prefetch: number;
  /** Messages that one turn takes at most. */
  readonly batchMax: number;
  /**
   * Read models only: time from the beginning of a turn to that of the next, in milliseconds, unless the turn was a full
   * one. What comes meanwhile shares a turn. 0 for none.
   */
  readonly gatherMs: number;
  /**
   * After a turn that was not a full one the loop leaves the processor to others for this share of the time that the turn
   * took, in percent, and for 50 ms at most: where a turn is quick, as on a machine at rest, for next to nothing; where it
   * had to wait for its turn at the processor, what comes meanwhile shares the next one. 0 for never.
   */
  readonly restPercent: number;
  /** Envelopes that the publisher holds in memory at most; a sweep takes the rest. */
  readonly publisherBacklogMax: number;
  /** Publishes under way at once. */
  readonly confirmWindow: number;
  /** Envelopes for the same partition that travel as one message of the broker at most; 1 lets each travel alone. */
  readonly bundleMax: number;
  /** Waits of the retry tiers, in milliseconds, shortest first; they name the broker's retry exchanges. */
  readonly tiersMs: readonly number[];
  /** Attempts in all, the first included, before a message is dead. */
  readonly attemptsMax: number;
  /** Outbox rows are left to the committing process for this long, in milliseconds. */
  readonly sweepAfterMs: number;
  /** Time between two looks for forgotten outbox rows, in milliseconds. */
  readonly sweepEveryMs: number;
  /** Time for which others leave a claimed outbox row or effect alone, in milliseconds. */
  readonly leaseMs: number;
  /** Time between two looks for due timers, in milliseconds. */
  readonly timerEveryMs: number;
  /** Time between two looks for effects that nobody hinted at, in milliseconds. */
  readonly effectEveryMs: number;
  /** Time between two looks at a redrive of dead letters that is under way, in milliseconds. */
  readonly redriveEveryMs: number;
  /** Effects under way at once per dependency. */
  readonly effectsPerDependencyMax: number;
  /** First wait before an effect is tried again, in milliseconds; doubles up to `effectRetryMaxMs`. */
  readonly effectRetryMinMs: number;
  readonly effectRetryMaxMs: number;
  /** Second look at the owners' feeds after a (re)connect, in milliseconds. */
  readonly catchUpAfterMs: number;
  /** Regular look at the owners' feeds, in milliseconds. */
  readonly catchUpEveryMs: number;
  /** What the feeds hold from the last moments is left to the queues, in milliseconds. */
  readonly catchUpLagMs: number;
  /**
   * How long a message that holds its lane up may be overdue for its next attempt, in milliseconds; then the broker has
   * lost it, and the attempt is made from the database.
   */
  readonly laneOverdueMs: number;
  /** Longest time that one turn may take before the process ends itself, in milliseconds. */
  readonly turnDeadlineMs: number;
  /** Longest time that a drain may take, in milliseconds. */
  readonly drainMs: number;
  /** Events after which an actor's state is stored as a snapshot. */
  readonly snapshotEvery: number;
  /** Actors kept in memory. */
  readonly cacheMax: number;
}

/** Production figures (one partition per process or several). */
export const defaultSettings: RuntimeSettings = Object.freeze({
  prefetch: 256,
  batchMax: 64,
  gatherMs: 100,
  restPercent: 50,
  publisherBacklogMax: 10_000,
  confirmWindow: 256,
  bundleMax: 64,
  tiersMs: [1_000, 10_000, 60_000, 600_000],
  attemptsMax: 6,
  sweepAfterMs: 5_000,
  sweepEveryMs: 1_000,
  leaseMs: 30_000,
  timerEveryMs: 250,
  effectEveryMs: 1_000,
  redriveEveryMs: 500,
  effectsPerDependencyMax: 16,
  effectRetryMinMs: 1_000,
  effectRetryMaxMs: 60_000,
  catchUpAfterMs: 40_000,
  catchUpEveryMs: 300_000,
  catchUpLagMs: 30_000,
  laneOverdueMs: 30_000,
  turnDeadlineMs: 30_000,
  drainMs: 28_000,
  snapshotEvery: 100,
  cacheMax: 10_000,
});
