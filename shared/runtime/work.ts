import type { Cause, Received } from "@mesh/actor";
import type { AnyEvent } from "@mesh/contract";
import type { ClaimedEffect } from "@mesh/store";
import type { UnsealedWrites } from "./sealing.ts";

/** Type of the local work that is an operator's act; no contract can have it, so it never comes from elsewhere. */
export const operatorActType = "operator-act";

/** Events that a command of this process led to, with their ids. */
export type Recorded = readonly (AnyEvent & { readonly id: string })[];

/** Whoever in this process waits for a work's end; hears of it once. */
export interface Caller {
  readonly committed: (events: Recorded) => void;
  /** Nothing of it was committed, or nobody knows (the database is away). */
  readonly failed: (error: unknown) => void;
}

/** A proven message that waits for its turn. */
export interface Work {
  readonly received: Received;
  /** Service that signed it. */
  readonly issuer: string;
  /** `sub` of the envelope: whom a command addresses, which stream an event belongs to. */
  readonly subject: string;
  /** What the envelope is known by. */
  readonly digest: string;
  /** The compact JWS; empty for a command that this process gave itself (`execute`). */
  readonly token: string;
  /** Position in its stream; events only. */
  readonly position?: number;
  /** On the database's clock, in milliseconds since 1970; commands of undoable steps only. */
  readonly expiresAtMs?: number;
  readonly undoes: readonly string[];
  readonly cause?: Cause;
  /** Attempts begun, this one included; from 1. */
  readonly attempt: number;
  /** Queue that a retry returns to. */
  readonly returnTo: string;
  /** Partition that it came through. */
  readonly partition: number;
  /** Broker user that published it; empty when it came from a feed. */
  readonly userId: string;
  /** Trace headers of the delivery. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it may have been handled before: redelivered, retried, or read from a feed. */
  readonly isSuspect: boolean;
  /** Message that it follows from, where the work itself is no message that anybody could look up. */
  readonly causation?: string;
  /** Present for what this process gave itself: it hears of failures in place of retry tiers and dead letters. */
  readonly caller?: Caller;
  /** Lane that it was parked in and is let go from now. */
  readonly parkedIn?: string;
  /** The effect whose outcome this is: recording it ends the effect, which is what makes it happen once. */
  readonly endsEffect?: Pick<ClaimedEffect, "id" | "leaseEpoch">;
}

/** Whether it is a command that this process gave itself: its caller is told, and no envelope of it waits for an answer. */
export function isLocal({ token }: Work): boolean {
  return token === "";
}

/** What a planner makes of a batch. */
export interface Plan {
  readonly writes: UnsealedWrites;
  /** Works that were not decided, with what went wrong. */
  readonly failures: ReadonlyMap<Work, unknown>;
  /** Something failed on a state that was only guessed: load and plan again, and take nothing from this plan. */
  readonly isUnsure?: boolean;
  /** Events that were recorded, by the work that led to them. */
  readonly recorded: ReadonlyMap<Work, Recorded>;
  /** Keeps what the commit made true. */
  committed(): void;
}

/** Decides batches: actors and sagas by one planner, projections by another. */
export interface Planner {
  /** Loads what the batch needs; the only step that may wait. */
  load(works: readonly Work[]): Promise<void>;
  /** Decides the batch; pure but for the cache behind it. */
  plan(works: readonly Work[], nowMs: number): Plan;
  /** Drops what a commit has found stale; everything when no names are given. */
  forget(stale?: readonly string[]): void;
  /** Name in the inbox; the projections keep their own record and return undefined. */
  readonly inboxConsumer: string;
  /** What a failing commit is split by, so that one bad key does not hold up the others. */
  groupOf(work: Work): string;
  /**
   * What is handled in order: while a work waits for its next attempt or lies dead, later ones of its lane wait behind it.
   * Works of different groups are in different lanes.
   *
   * @returns `undefined` for a work that no order holds up.
   */
  laneOf(work: Work): string | undefined;
}

/**
 * The same message twice in one batch is one message. The same id with other content is a rival: it is looked at after
 * the first has committed, and found out then.
 */
export function distinct(works: readonly Work[]): readonly [first: readonly Work[], rivals: readonly Work[]] {
  const first = new Map<string, Work>();
  const rivals: Work[] = [];
  for (const work of works) {
    const known = first.get(work.received.id);
    if (known === undefined) first.set(work.received.id, work);
    else if (known.digest !== work.digest) rivals.push(work);
  }
  return [[...first.values()], rivals];
}

/** @returns Whether somebody waits for an answer to it by message. */
export function isAnswerable({ received, caller }: Work): boolean {
  return received.kind === "command" && caller === undefined;
}
