import type { Json } from "@mesh/base";
import type { StoredRedrive, StoredRedriveItem } from "../redrive.ts";
import type { LaneHead, LaneState, ParkedMessage } from "../lane.ts";
import type { EffectEntry, OutboxEntry, ProjectionRow, StoredDeadLetter, StoredEvent } from "../store.ts";

/** Everything a database holds. Rows are frozen and replaced, never changed; maps keep the order of insertion. */
export interface Tables {
  /** Life of this database; raised by a restore. */
  epoch: number;
  /** Last number given to a commit. */
  xid: number;
  /** Last number given to an event. */
  position: number;
  /** All events in commit order. */
  readonly events: EventRow[];
  /** Events of each stream; version `n` at index `n - 1`. */
  readonly streams: Map<string, EventRow[]>;
  readonly eventsById: Map<string, EventRow>;
  /** By stream and state version. */
  readonly snapshots: Map<string, { readonly version: number; readonly state: Json }>;
  /** By id of the command. */
  readonly answers: Map<string, readonly AnswerRow[]>;
  readonly outbox: Map<string, OutboxRow>;
  /** Digests by message and consumer. */
  readonly inbox: Map<string, string>;
  readonly timers: Map<string, { readonly dueAtMs: number; readonly firedAtMs: number | null }>;
  readonly effects: Map<string, EffectRow>;
  readonly deadLetters: Map<string, StoredDeadLetter>;
  readonly redrives: Map<string, RedriveRow>;
  /** Letters by redrive, in their order. */
  readonly redriveItems: Map<string, readonly StoredRedriveItem[]>;
  laneVersion: number;
  readonly lanes: Map<string, LaneRow>;
  /** By message and digest. */
  readonly parked: Map<string, ParkedMessage>;
  /** By ordinal of the replica. */
  readonly runs: Map<number, { readonly isRunning: boolean; readonly diedCount: number }>;
  /** How often a message was taken up alone and nothing became of it, by digest. */
  readonly suspects: Map<string, number>;
  /** By projection, generation and key. */
  readonly rows: Map<string, ProjectionRow>;
  readonly generations: Map<string, number>;
  readonly cursors: Map<string, string>;
}

/** An event and where it stands in the feed. */
export interface EventRow extends StoredEvent {
  readonly epoch: number;
  readonly xid: number;
  readonly position: number;
  readonly recordedAtMs: number;
}

/** An answer to a command, as it was published. */
export interface AnswerRow {
  readonly entry: OutboxEntry;
  readonly requeuedAtMs: number;
}

/** An outbox row and what became of it so far. */
export interface OutboxRow {
  readonly entry: OutboxEntry;
  readonly createdAtMs: number;
  readonly nextAtMs: number;
  /** 0 while nobody has claimed it. */
  readonly claimedUntilMs: number;
  readonly failedCount: number;
}

/** A lane that is not open. */
export interface LaneRow {
  readonly head: LaneHead;
  readonly state: LaneState;
  readonly closedAtMs: number;
  readonly deadLetterId?: string;
}

/** An effect and what became of it so far. */
export interface EffectRow {
  readonly entry: EffectEntry;
  readonly createdAtMs: number;
  readonly nextAtMs: number;
  /** 0 while nobody holds it. */
  readonly leasedUntilMs: number;
  /** Replica that claimed it last. */
  readonly leasedBy: number | undefined;
  /** Whether that replica has begun anew since. */
  readonly isAbandoned: boolean;
  readonly leaseEpoch: number;
  readonly attempt: number;
}

/** A redrive and when it is to be looked at. */
export interface RedriveRow extends Omit<StoredRedrive, "counts"> {
  readonly nextAtMs: number | null;
  /** 0 while nobody has claimed it. */
  readonly leasedUntilMs: number;
}

/** Tables of a database that was just made. */
export function emptyTables(): Tables {
  return {
    epoch: 1,
    xid: 0,
    position: 0,
    events: [],
    streams: new Map(),
    eventsById: new Map(),
    snapshots: new Map(),
    answers: new Map(),
    outbox: new Map(),
    inbox: new Map(),
    timers: new Map(),
    effects: new Map(),
    deadLetters: new Map(),
    redrives: new Map(),
    redriveItems: new Map(),
    laneVersion: 0,
    lanes: new Map(),
    parked: new Map(),
    runs: new Map(),
    suspects: new Map(),
    rows: new Map(),
    generations: new Map(),
    cursors: new Map(),
  };
}

/** Joins the parts of a key, each behind its length: whatever is in them, no two keys are the same by accident. */
export function keyOf(...parts: readonly (string | number)[]): string {
  let key = "";
  for (const part of parts) {
    const text = String(part);
    key += `${text.length}:${text}`;
  }
  return key;
}
