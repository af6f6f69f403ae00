import type { Json } from "@mesh/base";

/** A call to the outside, committed with the turn that asked for it. */
export interface EffectEntry {
  /** Idempotency key: `<stream>@<version>.<index>`. */
  readonly id: string;
  readonly stream: string;
  readonly effect: string;
  readonly dependency: string;
  /**
   * Older effects of the same stream, by name, that are given up for this one: nobody claims them any more, an attempt
   * under way may still end, and they are gone when this one is finished. Absent for none.
   */
  readonly supersedes?: readonly string[];
  readonly request: Json;
  readonly correlation: string;
  /** What set it in motion: message id, and who (Cause) if known. */
  readonly causedBy: { readonly messageId: string; readonly cause?: Json };
  /** Headers that carry the trace on. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Which effects a process would perform now. */
export interface EffectClaim {
  /** Free places per dependency; a dependency that is not named gets none. */
  readonly limits: Readonly<Record<string, number>>;
  /** For how long others leave what is claimed alone, in milliseconds. */
  readonly leaseMs: number;
  /** Which replica of the service claims them, from 0. */
  readonly by: number;
}

/** What became of an attempt that has no outcome. */
export interface EffectRelease {
  /** Wait before the next attempt, in milliseconds. */
  readonly retryInMs: number;
  readonly error: string;
  /**
   * Whether its call may still arrive outside: it was given up without an answer. What supersedes the effect then waits for
   * the end of the lease.
   */
  readonly mayArrive: boolean;
}

/** An effect that this process may perform now. */
export interface ClaimedEffect extends EffectEntry {
  /** Attempts begun, this one included. */
  readonly attempt: number;
  /** Epoch of the lease; finishing or releasing with an old one does nothing. */
  readonly leaseEpoch: number;
}
