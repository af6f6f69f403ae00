import type postgres from "postgres";
import type { LaneTable, ParkedMessage } from "../lane.ts";
import type { StoredTimer, TimerQuery, UnansweredCommand } from "../open_work.ts";
import type {
  DeadLetterQuery,
  LetterFate,
  RedriveEntry,
  RedriveItemEntry,
  RedriveStep,
  StoredRedrive,
  StoredRedriveItem,
} from "../redrive.ts";
import type {
  ClaimedEffect,
  CommitResult,
  DueTimer,
  EffectClaim,
  EffectRelease,
  FeedCursor,
  FeedPage,
  OutboxEntry,
  ProjectionRow,
  Store,
  StoredDeadLetter,
  StreamState,
  TurnWrites,
} from "../store.ts";
import type { RunNote } from "../run_record.ts";
import type { StoreStatus, StreamCounts } from "../store_status.ts";
import { commitTurn } from "./commit_turn.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import * as deadLetters from "./dead_letters.ts";
import * as effects from "./effects.ts";
import * as feed from "./feed.ts";
import * as lanes from "./lanes.ts";
import { findHandled } from "./inbox.ts";
import { listen, type Listening } from "./listen.ts";
import { loadStreams } from "./load_streams.ts";
import * as outbox from "./outbox.ts";
import * as projections from "./projections.ts";
import * as redrives from "./redrives.ts";
import * as runs from "./runs.ts";
import * as status from "./status.ts";
import * as timers from "./timers.ts";

/**
 * The store on Postgres. The schema `mesh` must be there (see `@mesh/store/migrate`).
 *
 * Every call is one statement or one transaction; none is left open while something else is awaited.
 */
export class PostgresStore implements Store {
  readonly #connection: Connection;

  /** Connects with the first call. */
  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
  }

  /**
   * The driver, for a service's single statements on its own tables. Its errors are the driver's. Ask for it each time:
   * a pool that got stuck is replaced. With translated errors and a limit: `run`; together with a turn: `commitWith`.
   */
  get sql(): postgres.Sql {
    return this.#connection.sql;
  }

  /**
   * Runs a service's own statements outside a turn, bounded and with errors translated.
   *
   * @param what For the error message: `"list addresses"`.
   * @param work One statement, or one transaction; may run more than once (after a deadlock).
   * @throws {UnavailableError} If the database is away, or the outcome is unknown.
   * @throws {DefectError} If a statement is wrong.
   */
  run<T>(what: string, work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    return this.#connection.run(what, work);
  }

  commit(writes: TurnWrites): Promise<CommitResult> {
    return commitTurn(this.#connection, writes);
  }

  /**
   * Commits a turn together with a service's own statements, which run first, in the same transaction.
   *
   * @param participant May run more than once (after a deadlock). What it throws undoes all and passes unchanged.
   * @throws {UnavailableError} If the database is away or the outcome is unknown.
   */
  commitWith(
    writes: TurnWrites,
    participant: (sql: postgres.TransactionSql) => Promise<void>,
  ): Promise<CommitResult> {
    return commitTurn(this.#connection, writes, { participant });
  }

  /**
   * Calls `onNotify` for every notification on a channel, and with an empty payload whenever the connection is (again)
   * there: notifications sent meanwhile are lost, so look once.
   *
   * They come from turns with `notify`, or from a service's own `` sql`select pg_notify(${channel}, ${payload})` ``.
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<Listening> {
    return listen(this.#connection, channel, onNotify);
  }

  loadStreams(streams: readonly string[], stateVersion: string): Promise<readonly StreamState[]> {
    return loadStreams(this.#connection, streams, stateVersion);
  }

  findHandled(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    return findHandled(this.#connection, consumer, messageIds);
  }

  requeueAnswers(commandIds: readonly string[], newId: () => string): Promise<readonly OutboxEntry[]> {
    return outbox.requeueAnswers(this.#connection, commandIds, newId);
  }

  claimOutbox(
    options: { readonly limit: number; readonly olderThanMs: number; readonly leaseMs: number },
  ): Promise<readonly OutboxEntry[]> {
    return outbox.claimOutbox(this.#connection, options);
  }

  settleOutbox(settled: { readonly confirmed: readonly string[]; readonly failed: readonly string[] }): Promise<void> {
    return outbox.settleOutbox(this.#connection, settled);
  }

  redriveOutbox(orderKey?: string): Promise<number> {
    return outbox.redriveOutbox(this.#connection, orderKey);
  }

  listUnanswered(stream: string, limit: number): Promise<readonly UnansweredCommand[]> {
    return outbox.listUnanswered(this.#connection, stream, limit);
  }

  readDueTimers(limit: number): Promise<readonly DueTimer[]> {
    return timers.readDueTimers(this.#connection, limit);
  }

  fireTimers(
    firings: readonly { readonly timer: DueTimer; readonly entry: OutboxEntry }[],
  ): Promise<readonly OutboxEntry[]> {
    return timers.fireTimers(this.#connection, firings);
  }

  listTimers(query: TimerQuery): Promise<readonly StoredTimer[]> {
    return timers.listTimers(this.#connection, query);
  }

  claimEffects(claim: EffectClaim): Promise<readonly ClaimedEffect[]> {
    return effects.claimEffects(this.#connection, claim);
  }

  finishEffect(effect: ClaimedEffect, outcome: OutboxEntry): Promise<boolean> {
    return effects.finishEffect(this.#connection, effect, outcome);
  }

  releaseEffect(effect: ClaimedEffect, release: EffectRelease): Promise<void> {
    return effects.releaseEffect(this.#connection, effect, release);
  }

  readFeed(options: Parameters<Store["readFeed"]>[0]): Promise<FeedPage> {
    return feed.readFeed(this.#connection, options);
  }

  readStream(
    stream: string,
    from: number,
    limit: number,
  ): Promise<readonly { readonly version: number; readonly envelope: string }[]> {
    return feed.readStream(this.#connection, stream, { from, limit });
  }

  loadFeedCursor(owner: string): Promise<FeedCursor> {
    return feed.loadFeedCursor(this.#connection, owner);
  }

  saveFeedCursor(owner: string, cursor: FeedCursor): Promise<void> {
    return feed.saveFeedCursor(this.#connection, owner, cursor);
  }

  loadRows(projection: string, generation: number, keys: readonly string[]): Promise<readonly ProjectionRow[]> {
    return projections.loadRows(this.#connection, projection, { generation, keys });
  }

  listRows(options: Parameters<Store["listRows"]>[0]): Promise<readonly ProjectionRow[]> {
    return projections.listRows(this.#connection, options);
  }

  readGeneration(projection: string): Promise<number> {
    return projections.readGeneration(this.#connection, projection);
  }

  switchGeneration(projection: string, generation: number): Promise<void> {
    return projections.switchGeneration(this.#connection, projection, generation);
  }

  dropRows(projection: string, generation: number): Promise<void> {
    return projections.dropRows(this.#connection, projection, generation);
  }

  listDeadLetters(query: DeadLetterQuery): Promise<readonly StoredDeadLetter[]> {
    return deadLetters.listDeadLetters(this.#connection, query);
  }

  findDeadLetter(id: string): Promise<StoredDeadLetter | undefined> {
    return deadLetters.findDeadLetter(this.#connection, id);
  }

  settleDeadLetters(
    settlements: readonly { readonly id: string; readonly status: "redriven" | "discarded" }[],
    writes: TurnWrites,
  ): Promise<CommitResult> {
    return commitTurn(this.#connection, writes, { settlements });
  }

  findFates(consumer: string, letterIds: readonly string[]): Promise<readonly LetterFate[]> {
    return redrives.findFates(this.#connection, consumer, letterIds);
  }

  startRedrive(entry: RedriveEntry, items: readonly RedriveItemEntry[], writes: TurnWrites): Promise<CommitResult> {
    return redrives.startRedrive(this.#connection, { entry, items, writes });
  }

  claimRedrive(leaseMs: number): Promise<StoredRedrive | undefined> {
    return redrives.claimRedrive(this.#connection, leaseMs);
  }

  advanceRedrive(step: RedriveStep, writes: TurnWrites): Promise<CommitResult> {
    return redrives.advanceRedrive(this.#connection, step, writes);
  }

  findRedrive(id: string): Promise<StoredRedrive | undefined> {
    return redrives.findRedrive(this.#connection, id);
  }

  listRedrives(query: { readonly limit: number; readonly after?: string }): Promise<readonly StoredRedrive[]> {
    return redrives.listRedrives(this.#connection, query);
  }

  listRedriveItems(query: Parameters<Store["listRedriveItems"]>[0]): Promise<readonly StoredRedriveItem[]> {
    return redrives.listRedriveItems(this.#connection, query);
  }

  readLanes(): Promise<LaneTable> {
    return lanes.readLanes(this.#connection);
  }

  readParked(lane: string, limit: number): Promise<readonly ParkedMessage[]> {
    return lanes.readParked(this.#connection, lane, limit);
  }

  noteRun(ordinal: number, note: RunNote): Promise<number> {
    return runs.noteRun(this.#connection, ordinal, note);
  }

  countBegun(digests: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return runs.countBegun(this.#connection, digests);
  }

  noteBegun(digests: readonly string[]): Promise<void> {
    return runs.noteBegun(this.#connection, digests);
  }

  noteEnded(digests: readonly string[]): Promise<void> {
    return runs.noteEnded(this.#connection, digests);
  }

  listStreams(
    options: { readonly prefix: string; readonly limit: number; readonly after?: string },
  ): Promise<readonly { readonly stream: string; readonly version: number; readonly recordedAtMs: number }[]> {
    return status.listStreams(this.#connection, options);
  }

  countStreams(options: { readonly prefix: string; readonly flag: string }): Promise<StreamCounts> {
    return status.countStreams(this.#connection, options);
  }

  readStatus(): Promise<StoreStatus> {
    return status.readStatus(this.#connection);
  }

  nowMs(): Promise<number> {
    return status.readNowMs(this.#connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }
}
