/**
 * What a service remembers: the port `Store`, on Postgres and in memory.
 *
 * Migrations are apart, in `@mesh/store/migrate`: running services have no right to change tables.
 *
 * @module
 */
export { type DatabaseImage, MemoryDatabase } from "./memory/memory_database.ts";
export { MemoryStore, type StoreFault, type StoreOperation } from "./memory/memory_store.ts";
export { PostgresStore } from "./postgres/postgres_store.ts";
export type { ConnectionOptions } from "./postgres/connection.ts";
export type { Listening } from "./postgres/listen.ts";
export {
  type ClaimedEffect,
  type CommitResult,
  type DeadLetterClass,
  type DeadLetterEntry,
  type DueTimer,
  type EffectClaim,
  type EffectEntry,
  type EffectRelease,
  type FeedCursor,
  type FeedPage,
  type InboxEntry,
  noWrites,
  type OutboxEntry,
  type OutboxKind,
  type ProjectionRow,
  type Store,
  type StoredDeadLetter,
  type StoredEvent,
  type StreamState,
  type TimerEntry,
  type TurnWrites,
} from "./store.ts";
export {
  changesLanes,
  type HeldMessage,
  type LaneHead,
  lanesMark,
  type LaneState,
  type LaneTable,
  type LaneWrites,
  type ParkedMessage,
  type StoredLane,
} from "./lane.ts";
export type { StoredTimer, TimerQuery, UnansweredCommand } from "./open_work.ts";
export {
  type DeadLetterQuery,
  type LetterFate,
  type RedriveEntry,
  type RedriveItemChange,
  type RedriveItemEntry,
  type RedriveItemState,
  redriveItemStates,
  type RedriveStatus,
  type RedriveStep,
  type RedriveStore,
  type StoredRedrive,
  type StoredRedriveItem,
} from "./redrive.ts";
export type { RunNote, RunRecord } from "./run_record.ts";
export type { StoreStatus, StreamCounts } from "./store_status.ts";
