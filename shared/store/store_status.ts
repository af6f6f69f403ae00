/** Figures of a store. */
export interface StoreStatus {
  readonly outboxCount: number;
  /** Age of the oldest unconfirmed row, in milliseconds; 0 when there is none. */
  readonly outboxOldestMs: number;
  /** Age of the oldest row at all, commands that wait for their answer included, in milliseconds; 0 when there is none. */
  readonly unansweredOldestMs: number;
  readonly deadLetterCount: number;
  readonly openEffectCount: number;
  readonly effectOldestMs: number;
  readonly timerCount: number;
  /** Days for which inbox partitions exist ahead; Infinity where there are none. */
  readonly inboxDaysAhead: number;
  /** Outbox commands unanswered for 30 days. */
  readonly needsAttentionCount: number;
  /** Lanes that are not open. */
  readonly closedLaneCount: number;
  /** Messages that wait behind the head of their lane. */
  readonly parkedCount: number;
}

/** How many streams have open work. */
export interface StreamCounts {
  readonly openCount: number;
  /** Those of them whose newest event says that the flag is true. */
  readonly flaggedCount: number;
}
