import type { DueTimer } from "./store.ts";

/** A timer as operators see it. */
export interface StoredTimer extends DueTimer {
  /** When its command was queued, in milliseconds since 1970; null while it has not been fired. */
  readonly firedAtMs: number | null;
}

/** A command that waits for its answer, as operators see it. */
export interface UnansweredCommand {
  readonly messageId: string;
  readonly type: string;
  readonly createdAtMs: number;
  /** Publishes that the broker has confirmed. */
  readonly sentCount: number;
  /** When it is sent (again), in milliseconds since 1970. */
  readonly nextAtMs: number;
}

/** Which timers to list. */
export interface TimerQuery {
  /** Beginning of the stream's name; empty for all. */
  readonly prefix: string;
  /** Only this very stream. */
  readonly stream?: string;
  /** Only those that are due before this moment, in milliseconds since 1970. */
  readonly dueBeforeMs?: number;
  /** Only those behind this one in the list. */
  readonly after?: DueTimer;
  readonly limit: number;
}
