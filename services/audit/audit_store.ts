import type { Entry, Head, NewEntry } from "./entry.ts";

/** How far one service's feed was read. */
export interface FeedState {
  readonly owner: string;
  /** Cursor in the owner's feed; empty for the beginning. */
  readonly cursor: string;
  /** Everything that the owner recorded before is stored here, in milliseconds since 1970; 0 when nothing is known. */
  readonly completeUntilMs: number;
}

/** An entry as far as later envelopes with the same id are judged by it. */
export interface Rival {
  readonly owner: string;
  readonly hash: string;
  readonly isVerified: boolean;
}

/** What is already known about envelopes that have just been read. */
export interface Recollection {
  /** Last proven event by stream; streams without one are left out. */
  readonly heads: ReadonlyMap<string, Head>;
  /** By envelope id: what is stored under it, of any owner. Of envelopes without an id only the asked ones. */
  readonly rivals: ReadonlyMap<string, readonly Rival[]>;
}

/** What to recall. */
export interface Question {
  readonly streams: readonly string[];
  /** Envelopes; an empty id stands for "none could be read". */
  readonly envelopes: readonly { readonly id: string; readonly hash: string }[];
}

/** Entries of one owner's feed, with the place up to which it has then been read. */
export interface Batch {
  readonly owner: string;
  /** The cursor that is stored; that the entries were read after it is usual, and not needed. */
  readonly stored: string;
  readonly next: string;
  /** As in {@link FeedState}. */
  readonly completeUntilMs: number;
  /** In feed order; none stored before. */
  readonly entries: readonly NewEntry[];
}

/** Which entries to find; what is absent does not narrow. */
export interface EntryFilter {
  readonly id?: string;
  readonly correlation?: string;
  readonly subject?: string;
  readonly type?: string;
  readonly signer?: string;
  readonly actor?: string;
  readonly kid?: string;
  /** Recorded at or after, in milliseconds since 1970. */
  readonly fromMs?: number;
  /** Recorded before, in milliseconds since 1970. */
  readonly toMs?: number;
}

/** A place in the order of (recorded time, position): behind which entry. */
export interface Place {
  readonly recordedAtMs: number;
  readonly position: number;
}

/** One page of a reading. */
export interface EntryQuery extends EntryFilter {
  readonly after?: Place;
  /** At most 201. */
  readonly limit: number;
}

/** Figures of what is stored. */
export interface AuditFigures {
  readonly entryCount: number;
  /** By reason: entries that were not verified. */
  readonly failures: Readonly<Record<string, number>>;
  /** Proven entries that do not continue their stream. */
  readonly gapCount: number;
  readonly forkCount: number;
}

/** Keeps the audit's entries; rows are only ever added. */
export interface AuditStore {
  /** @throws {UnavailableError} */
  loadFeeds(): Promise<readonly FeedState[]>;
  /**
   * Recalls what bears on envelopes that are about to be stored.
   *
   * @throws {UnavailableError}
   */
  recall(owner: string, asked: Question): Promise<Recollection>;
  /**
   * Stores entries and moves the feed's cursor, in one transaction.
   *
   * @returns Whether that was done; false, with nothing changed, when another cursor is stored: another process reads the
   * same feed.
   * @throws {UnavailableError} Also where the outcome is unknown: load the cursor again.
   */
  append(batch: Batch): Promise<boolean>;
  /**
   * Finds entries.
   *
   * @returns Ascending by (recorded time, position).
   * @throws {UnavailableError}
   */
  find(query: EntryQuery): Promise<readonly Entry[]>;
  /** @throws {UnavailableError} */
  readFigures(): Promise<AuditFigures>;
}
