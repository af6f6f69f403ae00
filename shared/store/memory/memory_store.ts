import { type Clock, UnavailableError } from "@mesh/base";
import type { Listening } from "../postgres/listen.ts";
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
import type { LaneTable, ParkedMessage } from "../lane.ts";
import * as effects from "./effects.ts";
import * as lanes from "./lanes.ts";
import { MemoryDatabase } from "./memory_database.ts";
import * as outbox from "./outbox.ts";
import * as reading from "./reading.ts";
import * as redrives from "./redrives.ts";
import * as runs from "./runs.ts";
import { keyOf, type Tables } from "./tables.ts";

/** Calls that can be made to fail. */
export type StoreOperation = Exclude<keyof Store, typeof Symbol.asyncDispose>;

/** Which calls fail, and how. */
export interface StoreFault {
  /** Only calls of this operation; absent for any. */
  readonly operation?: StoreOperation;
  /** `before`: nothing happened. `after`: it happened, but the caller does not learn it. Default `before`. */
  readonly when?: "before" | "after";
}

/**
 * The store in memory, with the same promises, for tests and the simulation.
 *
 * Deterministic: its time is the clock that it is given, nothing is random, calls take effect one after the other.
 * Disposing of it is the death of the process: calls under way have no effect, the database keeps what was committed.
 *
 * @example Data outlives the process
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { ManualClock } from "@mesh/base";
 * import { MemoryDatabase, MemoryStore } from "@mesh/store";
 *
 * const database = new MemoryDatabase();
 * const clock = new ManualClock();
 * {
 *   await using store = new MemoryStore({ clock, database });
 *   await store.saveFeedCursor("orders", "1.1.7.9");
 * }
 * await using restarted = new MemoryStore({ clock, database });
 * assertEquals(await restarted.loadFeedCursor("orders"), "1.1.7.9");
 * ```
 */
export class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #database: MemoryDatabase;
  readonly #faults: StoreFault[] = [];
  readonly #delaysMs: number[] = [];
  #isOpen = true;

  /** @param options `clock`: the database's clock. `database`: a new one if absent. */
  constructor(options: { readonly clock: Clock; readonly database?: MemoryDatabase }) {
    this.#clock = options.clock;
    this.#database = options.database ?? new MemoryDatabase();
  }

  /** Makes the next `count` calls fail with `UnavailableError`. */
  failNext(count: number, fault: StoreFault = {}): void {
    for (let made = 0; made < count; made += 1) this.#faults.push(fault);
  }

  /** Makes the next call take effect only after `durationMs` on the clock. */
  delayNext(durationMs: number): void {
    this.#delaysMs.push(durationMs);
  }

  commit(writes: TurnWrites): Promise<CommitResult> {
    return this.#call("commit", (tables, nowMs) => this.#notifying(writes, commitTurn(tables, writes, { nowMs })));
  }

  /** Calls `onNotify` for every commit that notifies this channel, in any process, and once at the beginning. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<Listening> {
    const end = this.#database.listen(channel, (payload) => {
      if (this.#isOpen) onNotify(payload);
    });
    onNotify("");
    return Promise.resolve({ channel, [Symbol.asyncDispose]: () => Promise.resolve(end()) });
  }

  loadStreams(streams: readonly string[], stateVersion: string): Promise<readonly StreamState[]> {
    return this.#call("loadStreams", (tables) => reading.loadStreams(tables, streams, stateVersion));
  }

  findHandled(consumer: string, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#call("findHandled", (tables) => reading.findHandled(tables, consumer, messageIds));
  }

  requeueAnswers(commandIds: readonly string[], newId: () => string): Promise<readonly OutboxEntry[]> {
    return this.#call(
      "requeueAnswers",
      (tables, nowMs) => outbox.requeueAnswers(tables, { commandIds, newId }, nowMs),
    );
  }

  claimOutbox(
    options: { readonly limit: number; readonly olderThanMs: number; readonly leaseMs: number },
  ): Promise<readonly OutboxEntry[]> {
    return this.#call("claimOutbox", (tables, nowMs) => outbox.claimOutbox(tables, options, nowMs));
  }

  settleOutbox(settled: { readonly confirmed: readonly string[]; readonly failed: readonly string[] }): Promise<void> {
    return this.#call("settleOutbox", (tables, nowMs) => outbox.settleOutbox(tables, settled, nowMs));
  }

  redriveOutbox(orderKey?: string): Promise<number> {
    return this.#call("redriveOutbox", (tables, nowMs) => outbox.redriveOutbox(tables, nowMs, orderKey));
  }

  listUnanswered(stream: string, limit: number): Promise<readonly UnansweredCommand[]> {
    return this.#call("listUnanswered", (tables) => outbox.listUnanswered(tables, stream, limit));
  }

  readDueTimers(limit: number): Promise<readonly DueTimer[]> {
    return this.#call("readDueTimers", (tables, nowMs) => outbox.readDueTimers(tables, limit, nowMs));
  }

  fireTimers(
    firings: readonly { readonly timer: DueTimer; readonly entry: OutboxEntry }[],
  ): Promise<readonly OutboxEntry[]> {
    return this.#call("fireTimers", (tables, nowMs) => outbox.fireTimers(tables, firings, nowMs));
  }

  listTimers(query: TimerQuery): Promise<readonly StoredTimer[]> {
    return this.#call("listTimers", (tables) => outbox.listTimers(tables, query));
  }

  claimEffects(claim: EffectClaim): Promise<readonly ClaimedEffect[]> {
    return this.#call("claimEffects", (tables, nowMs) => effects.claimEffects(tables, claim, nowMs));
  }

  finishEffect(effect: ClaimedEffect, outcome: OutboxEntry): Promise<boolean> {
    return this.#call("finishEffect", (tables, nowMs) => effects.finishEffect(tables, { effect, outcome }, nowMs));
  }

  releaseEffect(effect: ClaimedEffect, { retryInMs, mayArrive }: EffectRelease): Promise<void> {
    return this.#call("releaseEffect", (tables, nowMs) => {
      effects.releaseEffect(tables, effect, { nextAtMs: nowMs + retryInMs, mayArrive });
    });
  }

  readFeed(options: Parameters<Store["readFeed"]>[0]): Promise<FeedPage> {
    return this.#call("readFeed", (tables, nowMs) => reading.readFeed(tables, options, nowMs));
  }

  readStream(
    stream: string,
    from: number,
    limit: number,
  ): Promise<readonly { readonly version: number; readonly envelope: string }[]> {
    return this.#call("readStream", (tables) => {
      const first = Math.max(from, 1) - 1;
      const rows = tables.streams.get(stream)?.slice(first, first + limit) ?? [];
      return rows.map(({ version, envelope }) => ({ version, envelope }));
    });
  }

  loadFeedCursor(owner: string): Promise<FeedCursor> {
    return this.#call("loadFeedCursor", (tables) => tables.cursors.get(owner) ?? "");
  }

  saveFeedCursor(owner: string, cursor: FeedCursor): Promise<void> {
    return this.#call("saveFeedCursor", (tables) => void tables.cursors.set(owner, cursor));
  }

  loadRows(projection: string, generation: number, keys: readonly string[]): Promise<readonly ProjectionRow[]> {
    return this.#call(
      "loadRows",
      (tables) => [...new Set(keys)].flatMap((key) => tables.rows.get(keyOf(projection, generation, key)) ?? []),
    );
  }

  listRows(options: Parameters<Store["listRows"]>[0]): Promise<readonly ProjectionRow[]> {
    return this.#call("listRows", (tables) => reading.listRows(tables, options));
  }

  readGeneration(projection: string): Promise<number> {
    return this.#call("readGeneration", (tables) => tables.generations.get(projection) ?? 1);
  }

  switchGeneration(projection: string, generation: number): Promise<void> {
    return this.#call("switchGeneration", (tables) => {
      tables.generations.set(projection, generation);
      reading.removeRows(tables, projection, (other) => other !== generation);
    });
  }

  dropRows(projection: string, generation: number): Promise<void> {
    return this.#call("dropRows", (tables) => reading.removeRows(tables, projection, (other) => other === generation));
  }

  listDeadLetters(query: DeadLetterQuery): Promise<readonly StoredDeadLetter[]> {
    return this.#call("listDeadLetters", (tables) => redrives.listDeadLetters(tables, query));
  }

  findDeadLetter(id: string): Promise<StoredDeadLetter | undefined> {
    return this.#call("findDeadLetter", (tables) => tables.deadLetters.get(id));
  }

  settleDeadLetters(
    settlements: readonly { readonly id: string; readonly status: "redriven" | "discarded" }[],
    writes: TurnWrites,
  ): Promise<CommitResult> {
    return this.#call(
      "settleDeadLetters",
      (tables, nowMs) => this.#notifying(writes, commitTurn(tables, writes, { nowMs, settlements })),
    );
  }

  findFates(consumer: string, letterIds: readonly string[]): Promise<readonly LetterFate[]> {
    return this.#call("findFates", (tables) => redrives.findFates(tables, consumer, letterIds));
  }

  startRedrive(entry: RedriveEntry, items: readonly RedriveItemEntry[], writes: TurnWrites): Promise<CommitResult> {
    return this.#call(
      "startRedrive",
      (tables, nowMs) => this.#notifying(writes, redrives.startRedrive(tables, { entry, items, writes }, nowMs)),
    );
  }

  claimRedrive(leaseMs: number): Promise<StoredRedrive | undefined> {
    return this.#call("claimRedrive", (tables, nowMs) => redrives.claimRedrive(tables, leaseMs, nowMs));
  }

  advanceRedrive(step: RedriveStep, writes: TurnWrites): Promise<CommitResult> {
    return this.#call(
      "advanceRedrive",
      (tables, nowMs) => this.#notifying(writes, redrives.advanceRedrive(tables, step, { writes, nowMs })),
    );
  }

  findRedrive(id: string): Promise<StoredRedrive | undefined> {
    return this.#call("findRedrive", (tables) => redrives.findRedrive(tables, id));
  }

  listRedrives(query: { readonly limit: number; readonly after?: string }): Promise<readonly StoredRedrive[]> {
    return this.#call("listRedrives", (tables) => redrives.listRedrives(tables, query));
  }

  listRedriveItems(query: Parameters<Store["listRedriveItems"]>[0]): Promise<readonly StoredRedriveItem[]> {
    return this.#call("listRedriveItems", (tables) => redrives.listRedriveItems(tables, query));
  }

  readLanes(): Promise<LaneTable> {
    return this.#call("readLanes", lanes.readLanes);
  }

  readParked(lane: string, limit: number): Promise<readonly ParkedMessage[]> {
    return this.#call("readParked", (tables) => lanes.parkedIn(tables, lane).slice(0, limit));
  }

  noteRun(ordinal: number, note: RunNote): Promise<number> {
    return this.#call("noteRun", (tables) => runs.noteRun(tables, ordinal, note));
  }

  countBegun(digests: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#call("countBegun", (tables) => runs.countBegun(tables, digests));
  }

  noteBegun(digests: readonly string[]): Promise<void> {
    return this.#call("noteBegun", (tables) => runs.noteBegun(tables, digests));
  }

  noteEnded(digests: readonly string[]): Promise<void> {
    return this.#call("noteEnded", (tables) => runs.noteEnded(tables, digests));
  }

  listStreams(
    options: { readonly prefix: string; readonly limit: number; readonly after?: string },
  ): Promise<readonly { readonly stream: string; readonly version: number; readonly recordedAtMs: number }[]> {
    return this.#call("listStreams", (tables) => reading.listStreams(tables, options));
  }

  countStreams(options: { readonly prefix: string; readonly flag: string }): Promise<StreamCounts> {
    return this.#call("countStreams", (tables) => reading.countStreams(tables, options));
  }

  readStatus(): Promise<StoreStatus> {
    return this.#call("readStatus", reading.readStatus);
  }

  nowMs(): Promise<number> {
    return this.#call("nowMs", (_tables, nowMs) => nowMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  async #call<T>(operation: StoreOperation, work: (tables: Tables, nowMs: number) => T): Promise<T> {
    const fault = this.#takeFault(operation);
    const delayMs = this.#delaysMs.shift();
    // A call to a database never takes effect before its caller has gone on.
    await (delayMs === undefined ? Promise.resolve() : this.#clock.delay(delayMs));
    if (!this.#isOpen) throw unavailable(operation, "the store is closed");
    if (fault !== undefined && fault.when !== "after") throw unavailable(operation, "the database is away");
    const result = work(this.#database.tables, Math.floor(this.#clock.nowMs()));
    if (fault !== undefined) throw unavailable(operation, "the outcome is unknown");
    return result;
  }

  #notifying({ notify }: TurnWrites, result: CommitResult): CommitResult {
    if (notify !== undefined && result.outcome === "committed") this.#database.notify(notify);
    return result;
  }

  #takeFault(operation: StoreOperation): StoreFault | undefined {
    if (this.#faults.length === 0) return undefined;
    const at = this.#faults.findIndex((fault) => (fault.operation ?? operation) === operation);
    return at === -1 ? undefined : this.#faults.splice(at, 1)[0];
  }
}

function unavailable(operation: StoreOperation, state: string): UnavailableError {
  return new UnavailableError(`Cannot ${operation}: ${state}`, { dependency: "postgres" });
}
