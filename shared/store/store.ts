import type { StoredTimer, TimerQuery, UnansweredCommand } from "./open_work.ts";
import type { Json } from "@mesh/base";
import type { DeadLetterEntry, StoredDeadLetter } from "./dead_letter.ts";
import type { ClaimedEffect, EffectClaim, EffectEntry, EffectRelease } from "./effect.ts";
import type { RedriveStore } from "./redrive.ts";
import type { LaneTable, LaneWrites, ParkedMessage } from "./lane.ts";
import type { RunRecord } from "./run_record.ts";
import type { StoreStatus, StreamCounts } from "./store_status.ts";

export type { DeadLetterClass, DeadLetterEntry, StoredDeadLetter } from "./dead_letter.ts";
export type { ClaimedEffect, EffectClaim, EffectEntry, EffectRelease } from "./effect.ts";

/** An event as it is stored: the signed envelope is the truth, the rest is for finding and folding it. */
export interface StoredEvent {
  /** `<service>/<key>`: the envelope's `sub`. One writer. */
  readonly stream: string;
  /** Position in the stream, from 1, without gaps: the envelope's `n`. */
  readonly version: number;
  /** The envelope's `jti`. */
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly correlation: string;
  /** Commands that it answers. */
  readonly re: readonly string[];
  readonly data: Json;
  /** The compact JWS. */
  readonly envelope: string;
  /** What the envelope is known by, base64url: `prv` of the next one. */
  readonly hash: string;
}

/** Where an actor stands. */
export interface StreamState {
  readonly stream: string;
  /** 0 for a stream without events. */
  readonly version: number;
  /** Hash of the envelope at `version`; null at 0. */
  readonly hash: string | null;
  /** The newest usable snapshot, if there is one. */
  readonly snapshot?: { readonly version: number; readonly state: Json };
  /** Events after the snapshot (or all), in order. */
  readonly events: readonly Pick<StoredEvent, "version" | "type" | "schemaVersion" | "data">[];
}

/** How an envelope that waits in the outbox is treated. */
export type OutboxKind =
  /** Kept after its confirm and sent again until it is answered. */
  | "command"
  /** Deleted once confirmed; its archive is the event table. */
  | "event"
  /** A message of somebody else on its way through a retry tier or a redrive; deleted once confirmed. */
  | "retry";

/** One envelope to publish. */
export interface OutboxEntry {
  /** Id of the row itself, not of the envelope; UUIDv7. */
  readonly id: string;
  readonly kind: OutboxKind;
  /** `jti` of the envelope. */
  readonly messageId: string;
  readonly type: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly correlation: string;
  /** Stream or actor key that its order depends on; a row that failed holds back only later rows of the same. */
  readonly orderKey: string;
  readonly isMandatory: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** The compact JWS. For a stored event the row refers to the event table and the text is not stored twice. */
  readonly envelope: string;
  /** Publishes so far that were confirmed; from 0. */
  readonly sentCount: number;
}

/** A message in the inbox: it was handled, its effects are committed. */
export interface InboxEntry {
  readonly messageId: string;
  /** Who handled it: the service, or a projection of it. */
  readonly consumer: string;
  /**
   * What the envelope is known by; the same id with another digest is a security finding. Empty for a message that an undo
   * made void before it came: that agrees with whatever comes late.
   */
  readonly digest: string;
}

/** The next deadline of one actor; null removes it. */
export interface TimerEntry {
  readonly stream: string;
  readonly dueAtMs: number | null;
}

/** One row of a read model. */
export interface ProjectionRow {
  readonly projection: string;
  /** Which build of the projection; a rebuild fills the next generation. */
  readonly generation: number;
  readonly key: string;
  /** Who may see it, for list queries; empty when everybody may. */
  readonly owner: string;
  /** Sort key for list queries, compared as text. */
  readonly sort: string;
  /** Last `n` applied, by source stream. */
  readonly seen: Readonly<Record<string, number>>;
  readonly row: Json;
  /** Rises by one with every write, from 1; the expected value when writing is the one that was read (0 for a new row). */
  readonly revision: number;
}

/** Everything that one turn changes, committed together or not at all. */
export interface TurnWrites {
  /** Messages handled; a conflict with an existing row (same id and consumer) undoes the whole commit. */
  readonly inbox: readonly InboxEntry[];
  /** Commands that an undo has made void: written into the inbox where they are not there yet; never a conflict. */
  readonly voided: readonly InboxEntry[];
  /** Version of every stream that was decided on, also where nothing is appended. */
  readonly expected: readonly { readonly stream: string; readonly version: number }[];
  readonly events: readonly StoredEvent[];
  readonly snapshots: readonly {
    readonly stream: string;
    readonly version: number;
    readonly stateVersion: string;
    readonly state: Json;
  }[];
  readonly outbox: readonly OutboxEntry[];
  /** Message ids of commands whose outbox rows end: answered, undone, or handled by the service itself. */
  readonly answered: readonly string[];
  /** Outbox rows of events and retries that the broker has confirmed: they are done. */
  readonly confirmed: readonly string[];
  /** Outbox rows of commands that the broker has confirmed and nobody has answered: they are re-timed. */
  readonly awaiting: readonly string[];
  readonly timers: readonly TimerEntry[];
  readonly effects: readonly EffectEntry[];
  /** Effects whose outcome this turn records; a lost lease undoes the whole commit. What they supersede ends with them. */
  readonly endedEffects: readonly Pick<ClaimedEffect, "id" | "leaseEpoch">[];
  readonly deadLetters: readonly DeadLetterEntry[];
  readonly rows: readonly ProjectionRow[];
  /** Channel that listeners in other processes are woken on with the commit (`NOTIFY`, no payload); at most one per commit. */
  readonly notify?: string;
  /** What it goes by and changes about lanes; absent for what has no place in any lane. */
  readonly lanes?: LaneWrites;
}

/** What became of a commit. */
export type CommitResult =
  | {
    readonly outcome: "committed";
    /** The database's clock after the commit, in milliseconds since 1970. */
    readonly nowMs: number;
  }
  | {
    /** Nothing was written. */
    readonly outcome: "conflict";
    /** Messages that are already in the inbox. `isSameDigest` false is a security finding. */
    readonly duplicates: readonly {
      readonly messageId: string;
      readonly consumer: string;
      readonly isSameDigest: boolean;
    }[];
    /** Streams, rows (as `projection:key`), ended effects (by id) and lanes (as one, `lanesMark`) that have moved on. */
    readonly stale: readonly string[];
  };

/** A position in a service's feed; opaque outside the store. */
export type FeedCursor = string;

/** One page of a service's own events in commit order. */
export interface FeedPage {
  readonly items: readonly { readonly cursor: FeedCursor; readonly envelope: string; readonly recordedAtMs: number }[];
  /** Continue from here: behind all that was looked at, wanted or not; the asked-for cursor where there was nothing. */
  readonly next: FeedCursor;
  /** Everything recorded before this moment is in the feed up to `next` or comes after it: nothing will appear before `next`. */
  readonly completeUntilMs: number;
  /** Whether more is there right now. */
  readonly hasMore: boolean;
}

/** Where a timer stands. */
export interface DueTimer {
  readonly stream: string;
  readonly dueAtMs: number;
}

/** Postgres, or its double: everything that a service remembers. */
export interface Store extends RedriveStore, RunRecord, AsyncDisposable {
  /**
   * Loads actors.
   *
   * @param streams Distinct names.
   * @param stateVersion Snapshots of another state version are not used.
   * @returns One state per name, in the same order.
   * @throws {UnavailableError}
   */
  loadStreams(streams: readonly string[], stateVersion: string): Promise<readonly StreamState[]>;
  /**
   * Commits one turn.
   *
   * @throws {UnavailableError} If the database is away or the outcome of the commit is unknown (committing again then
   * ends as a conflict with duplicates).
   * @throws {DefectError} If the writes contradict themselves: something is named twice, events do not follow `expected`,
   * an id is no UUID or is taken.
   */
  commit(writes: TurnWrites): Promise<CommitResult>;
  /**
   * @returns Those of the messages that the consumer has handled, that lie dead or were discarded, or that are parked. Dead
   * letters of class `untrusted` do not count: anybody could send rubbish under the id of a message that is still to come.
   */
  findHandled(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Queues the stored answers to commands again, byte for byte, unless that happened within the last 5 seconds.
   *
   * @param newId Draws ids for the new outbox rows.
   * @returns The new rows, for the publisher; empty where there is no answer yet.
   */
  requeueAnswers(commandIds: readonly string[], newId: () => string): Promise<readonly OutboxEntry[]>;

  /**
   * Claims outbox rows that nobody has published or whose time to be sent again has come.
   *
   * A row waits for earlier rows of its order key that failed or are claimed. Commands are sent for 30 days at most.
   *
   * @param options `olderThanMs`: leaves rows to the committing process for that long. `leaseMs`: others leave them alone so long.
   * @returns In commit order, at most `limit`.
   */
  claimOutbox(options: { readonly limit: number; readonly olderThanMs: number; readonly leaseMs: number }): Promise<
    readonly OutboxEntry[]
  >;
  /**
   * Notes what became of publishes: confirmed events and retries are deleted, confirmed commands are re-timed (30 s, doubling
   * to 10 min), failed ones wait with back-off.
   */
  settleOutbox(settled: { readonly confirmed: readonly string[]; readonly failed: readonly string[] }): Promise<void>;
  /**
   * Makes outbox rows due now.
   *
   * @param orderKey Only rows of this order key; all when absent.
   * @returns How many there are.
   */
  redriveOutbox(orderKey?: string): Promise<number>;
  /** @returns Commands that a stream has sent and nobody has answered, the oldest first, at most `limit`: for operators. */
  listUnanswered(stream: string, limit: number): Promise<readonly UnansweredCommand[]>;

  /**
   * @returns Timers that are due on the database's clock and have not been fired; setting a timer to the time that it has
   * already does not arm it again.
   */
  readDueTimers(limit: number): Promise<readonly DueTimer[]>;
  /**
   * Commits the firing of timers: for each that still stands as given and is unfired, its outbox row.
   *
   * @returns The rows that were written, for the publisher.
   */
  fireTimers(firings: readonly { readonly timer: DueTimer; readonly entry: OutboxEntry }[]): Promise<
    readonly OutboxEntry[]
  >;
  /** @returns Timers, the next one first, then by stream, fired ones too: for operators' lists. */
  listTimers(query: TimerQuery): Promise<readonly StoredTimer[]>;

  /**
   * Claims effects, at most one per stream, the oldest that is not superseded first, none whose back-off has not passed.
   *
   * What a replica held when it began anew (see `noteRun`), and what was given up without an answer, is free, and until its
   * lease has run out still under way for what supersedes it.
   */
  claimEffects(claim: EffectClaim): Promise<readonly ClaimedEffect[]>;
  /** Ends an effect and queues its outcome as a command to the service itself. @returns false if the lease was lost (nothing written). */
  finishEffect(effect: ClaimedEffect, outcome: OutboxEntry): Promise<boolean>;
  /** Gives an effect back, if the lease is still this one. */
  releaseEffect(effect: ClaimedEffect, release: EffectRelease): Promise<void>;

  /**
   * Reads on in the feed.
   *
   * @param options `after`: empty for the beginning. `types`: event types; absent for all. `untilMs`: stops at the first
   * event that was recorded then or later. `limit`: items at most; with `types` a page may be shorter (even empty) while
   * `hasMore` is true, because it looks at a bounded number of events.
   * @throws {ContractError} With reason `"cursor-epoch"` if `after` is no cursor of the feed's epoch: begin anew.
   */
  readFeed(options: {
    readonly after: FeedCursor;
    readonly types?: readonly string[];
    readonly untilMs?: number;
    readonly limit: number;
  }): Promise<FeedPage>;
  /** @returns Envelopes of one stream from version `from` on, at most `limit`. */
  readStream(stream: string, from: number, limit: number): Promise<
    readonly { readonly version: number; readonly envelope: string }[]
  >;
  /** Where this service stands in another's feed. */
  loadFeedCursor(owner: string): Promise<FeedCursor>;
  saveFeedCursor(owner: string, cursor: FeedCursor): Promise<void>;

  loadRows(projection: string, generation: number, keys: readonly string[]): Promise<readonly ProjectionRow[]>;
  /** Rows in descending order of `sort` (by code point, then of `key`), after (below) `before` if given. */
  listRows(options: {
    readonly projection: string;
    readonly generation: number;
    readonly owner?: string;
    readonly before?: string;
    readonly limit: number;
  }): Promise<readonly ProjectionRow[]>;
  /** The generation that readers use; 1 until a rebuild has switched. */
  readGeneration(projection: string): Promise<number>;
  /** Makes `generation` the one that readers use and drops all others. */
  switchGeneration(projection: string, generation: number): Promise<void>;
  /** Removes all rows of a generation. */
  dropRows(projection: string, generation: number): Promise<void>;

  findDeadLetter(id: string): Promise<StoredDeadLetter | undefined>;
  /**
   * Marks dead letters and, for a redrive, writes their outbox rows, together with a recorded event, if all still stand as `dead`.
   *
   * @returns The commit's result; `stale` names dead letters that were not `dead` any more.
   * @throws {DefectError} If one of class `untrusted` were redriven.
   */
  settleDeadLetters(
    settlements: readonly { readonly id: string; readonly status: "redriven" | "discarded" }[],
    writes: TurnWrites,
  ): Promise<CommitResult>;

  /** @returns Every lane that is not open. */
  readLanes(): Promise<LaneTable>;
  /** @returns What is parked in a lane, in the order in which it came, at most `limit`. */
  readParked(lane: string, limit: number): Promise<readonly ParkedMessage[]>;

  /** @returns Streams with open work (a timer, an effect, or an unanswered command under their order key) whose name starts with `prefix`, newest first: for operators' lists. */
  listStreams(options: { readonly prefix: string; readonly limit: number; readonly after?: string }): Promise<
    readonly { readonly stream: string; readonly version: number; readonly recordedAtMs: number }[]
  >;
  /**
   * Counts what {@link listStreams} lists, without reading it.
   *
   * @param options `flag`: name of a boolean field in the data of these streams' events. A field of that name further
   * inside would count as well: it is the stored text that is looked at.
   */
  countStreams(options: { readonly prefix: string; readonly flag: string }): Promise<StreamCounts>;
  /** Figures for `/metrics` and readiness. */
  readStatus(): Promise<StoreStatus>;
  /** The database's clock, in milliseconds since 1970. */
  nowMs(): Promise<number>;
}

/** Writes that change nothing; spread it and add what a turn does. */
export const noWrites: TurnWrites = Object.freeze({
  inbox: [],
  voided: [],
  expected: [],
  events: [],
  snapshots: [],
  outbox: [],
  answered: [],
  confirmed: [],
  awaiting: [],
  timers: [],
  effects: [],
  endedEffects: [],
  deadLetters: [],
  rows: [],
});
