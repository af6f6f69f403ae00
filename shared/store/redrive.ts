import type { Json } from "@mesh/base";
import type { DeadLetterClass, StoredDeadLetter } from "./dead_letter.ts";
import type { CommitResult, TurnWrites } from "./store.ts";

/** Which dead letters; what is absent does not narrow. */
export interface DeadLetterQuery {
  readonly status?: StoredDeadLetter["status"];
  readonly class?: DeadLetterClass;
  readonly type?: string;
  /** Reason word of the letter. */
  readonly reason?: string;
  readonly correlation?: string;
  /** Those that died then or later, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** Those that died before then. */
  readonly untilMs?: number;
  readonly limit: number;
  /** Continues behind this id. */
  readonly after?: string;
  /** By id upwards; the newest first when absent. */
  readonly isOldestFirst?: boolean;
}

/** What has become of a dead letter and of the message in it. */
export interface LetterFate {
  readonly letterId: string;
  /** Whether the message is in the inbox of the consumer that was asked for. */
  readonly isHandled: boolean;
  /** The newest letter of the very same bytes that died after this one; null for none. */
  readonly later: Pick<StoredDeadLetter, "id" | "class" | "reason"> | null;
}

/** Where a redrive stands: `stopped` by itself, because too much of it died again. */
export type RedriveStatus = "running" | "paused" | "stopped" | "cancelled" | "done";

/** Where one letter of a redrive stands; `unknown` when nothing was heard of it for too long. */
export type RedriveItemState = "waiting" | "taken" | "handled" | "dead-again" | "unknown" | "refused";

/** A redrive at its beginning. */
export interface RedriveEntry {
  readonly id: string;
  /** Why, in the words of whoever asked for it. */
  readonly reason: string;
  /** Who asked for it, what was selected, how fast it may go; the store does not look inside. */
  readonly terms: Json;
  readonly progress: Json;
}

/** A redrive as it stands. */
export interface StoredRedrive extends RedriveEntry {
  readonly status: RedriveStatus;
  /** Why it stands so; empty where there is nothing to say. */
  readonly statusReason: string;
  /** Rises with every write; whoever writes says which one it has seen. */
  readonly revision: number;
  readonly createdAtMs: number;
  /** Null while it has not ended. */
  readonly endedAtMs: number | null;
  readonly counts: Readonly<Record<RedriveItemState, number>>;
}

/** One letter of a redrive at its beginning: the selection is frozen here. */
export interface RedriveItemEntry {
  readonly letterId: string;
  readonly messageId: string;
  readonly type: string;
  readonly class: DeadLetterClass;
  /** Reason word of the letter. */
  readonly reason: string;
  readonly correlation: string;
  readonly state: "waiting" | "refused";
  /** Stable word for why it was refused; empty otherwise. */
  readonly why: string;
  /** The same for people. */
  readonly detail: string;
}

/** One letter of a redrive as it stands. */
export interface StoredRedriveItem extends Omit<RedriveItemEntry, "state"> {
  /** From 1, in the order in which letters are taken. */
  readonly ordinal: number;
  readonly state: RedriveItemState;
  /** Batch in which it was taken; null while it was not. */
  readonly batch: number | null;
  readonly takenAtMs: number | null;
  readonly endedAtMs: number | null;
  /** The letter that its message died as again; null for none. */
  readonly laterId: string | null;
}

/** What becomes of one letter in a step. */
export interface RedriveItemChange {
  readonly ordinal: number;
  readonly state: Exclude<RedriveItemState, "waiting">;
  readonly why: string;
  readonly detail: string;
  /** Given when it is taken. */
  readonly batch?: number;
  readonly laterId?: string;
}

/** One step of a redrive. */
export interface RedriveStep {
  readonly id: string;
  /** The one that was seen; the step is refused when it has moved on. */
  readonly revision: number;
  readonly status: RedriveStatus;
  readonly statusReason: string;
  readonly progress: Json;
  /** When it is to be looked at again; null when nobody has to any more. */
  readonly nextInMs: number | null;
  readonly items: readonly RedriveItemChange[];
  /** Letters that are taken: they must still be dead, and count as redriven then. */
  readonly letterIds: readonly string[];
}

/** Redrives of dead letters as jobs: what is kept of them outlives the process that carries them out. */
export interface RedriveStore {
  /** The newest first (by id) unless asked otherwise. */
  listDeadLetters(query: DeadLetterQuery): Promise<readonly StoredDeadLetter[]>;
  /** @returns What has become of the letters that are known, in no particular order. */
  findFates(consumer: string, letterIds: readonly string[]): Promise<readonly LetterFate[]>;
  /** Commits a redrive, its letters in the order in which they are to be taken, and what is recorded about it. */
  startRedrive(entry: RedriveEntry, items: readonly RedriveItemEntry[], writes: TurnWrites): Promise<CommitResult>;
  /**
   * Claims the redrive that has waited longest to be looked at. Others leave it alone for `leaseMs`, or until a step is
   * committed; its revision rises.
   */
  claimRedrive(leaseMs: number): Promise<StoredRedrive | undefined>;
  /**
   * Commits one step, and what is recorded and sent with it.
   *
   * @returns As `commit`; `stale` names the redrive when its revision has moved on, and letters that were not dead any more.
   */
  advanceRedrive(step: RedriveStep, writes: TurnWrites): Promise<CommitResult>;
  findRedrive(id: string): Promise<StoredRedrive | undefined>;
  /** The newest first (by id), after (below) `after` if given. */
  listRedrives(query: { readonly limit: number; readonly after?: string }): Promise<readonly StoredRedrive[]>;
  /** Letters of a redrive by ordinal, after `after` if given. */
  listRedriveItems(
    query: {
      readonly id: string;
      readonly states?: readonly RedriveItemState[];
      readonly after?: number;
      readonly limit: number;
    },
  ): Promise<readonly StoredRedriveItem[]>;
}

/** States of a letter, in the order in which people read them. */
export const redriveItemStates: readonly RedriveItemState[] = Object.freeze([
  "waiting",
  "taken",
  "handled",
  "dead-again",
  "unknown",
  "refused",
]);
