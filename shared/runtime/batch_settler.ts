import { type Clock, errorCode, errorText, type IdSource } from "@mesh/base";
import type { AnyEvent } from "@mesh/contract";
import type { CommitResult, Store, TurnWrites } from "@mesh/store";
import type { Aftermath } from "./aftermath.ts";
import type { DatabaseClock } from "./database_clock.ts";
import { dispositionOf } from "./disposition.ts";
import type { Refusal } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import { distinct, isAnswerable, type Planner, type Work } from "./work.ts";

/** Commits a turn, possibly together with a service's own statements. */
export type Commit = (writes: TurnWrites) => Promise<CommitResult>;

/** Events that a local command led to. */
export type Recorded = readonly (AnyEvent & { readonly id: string })[];

/** What settling a batch needs. */
export interface BatchSettlerOptions {
  readonly store: Store;
  readonly planner: Planner;
  readonly aftermath: Aftermath;
  readonly publisher: OutboxPublisher;
  readonly clock: Clock;
  readonly databaseClock: DatabaseClock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly meter: Meter;
  /** Called after each commit with what it asked the outside for. */
  readonly onCommitted?: (writes: TurnWrites) => void;
}

/** Conflicts in a row after which a batch is taken apart. */
const conflictsMax = 3;

/**
 * Brings batches to their end: load, decide, sign, commit; again on a conflict, in parts on a failure, patiently while the
 * database is away. One batch at a time: the caller sees to that.
 */
export class BatchSettler {
  readonly #options: BatchSettlerOptions;
  readonly #stopping: AbortSignal;
  #isWaitingForStore = false;

  /** @param stopping Ends the wait for a database that is away. */
  constructor(options: BatchSettlerOptions, stopping: AbortSignal) {
    this.#options = options;
    this.#stopping = stopping;
  }

  /** Whether the database is away just now. */
  get isWaitingForStore(): boolean {
    return this.#isWaitingForStore;
  }

  /** Brings a batch to its end: every message committed, on its way through a tier, or dead. */
  async settle(works: readonly Work[], refusals: readonly Refusal[], commit: Commit): Promise<void> {
    const { meter, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const [first, rivals] = distinct(works);
    let pending = await this.#withoutHandled(first);
    const failed = new Map<Work, unknown>();
    const found = [...refusals];
    let duplicateCommands: string[] = works.filter((work) => isAnswerable(work) && !pending.includes(work))
      .map(({ received }) => received.id);
    for (let conflicts = 0;;) {
      const result = await this.#attempt(pending, failed, found, commit);
      if (result === "committed") break;
      if (result === "split") {
        await this.#settleGroups(pending, commit);
        pending = [];
        if (failed.size === 0 && found.length === 0) break;
        continue;
      }
      const { duplicates, stale } = result;
      const sameIds = new Set(duplicates.filter(({ isSameDigest }) => isSameDigest).map(({ messageId }) => messageId));
      const otherIds = new Set(
        duplicates.filter(({ isSameDigest }) => !isSameDigest).map(({ messageId }) => messageId),
      );
      for (const work of pending) {
        if (sameIds.has(work.received.id)) {
          meter.handled(work.received.type, "duplicate", 0);
          if (isAnswerable(work)) duplicateCommands = [...duplicateCommands, work.received.id];
        } else if (otherIds.has(work.received.id)) found.push(this.#options.aftermath.forged(work));
      }
      pending = pending.filter(({ received }) => !sameIds.has(received.id) && !otherIds.has(received.id));
      this.#options.planner.forget(stale);
      this.#options.aftermath.forget();
      if (duplicates.length === 0 && ++conflicts > conflictsMax) {
        if (new Set(pending.map((work) => this.#options.planner.groupOf(work))).size > 1) {
          await this.#settleGroups(pending, commit);
        } else for (const work of pending) failed.set(work, conflictError);
        pending = [];
      }
    }
    meter.turn(works.length, clock.monotonicMs() - startedMs);
    if (duplicateCommands.length > 0) await this.#answerAgain(duplicateCommands);
    if (rivals.length > 0) await this.settle(rivals, [], commit);
  }

  async #attempt(
    pending: readonly Work[],
    failed: Map<Work, unknown>,
    refusals: readonly Refusal[],
    commit: Commit,
  ): Promise<"committed" | "split" | { duplicates: Conflict["duplicates"]; stale: Conflict["stale"] }> {
    const { planner, aftermath, publisher, databaseClock, onCommitted } = this.#options;
    const startedMs = this.#options.clock.monotonicMs();
    for (;;) {
      let confirmed: readonly string[] = [];
      try {
        await planner.load(pending);
        await aftermath.load(refusals, pending);
        const nowMs = databaseClock.nowMs();
        const plan = planner.plan(pending, nowMs);
        const all = new Map([...failed, ...plan.failures]);
        const after = aftermath.of(refusals, all, nowMs);
        confirmed = publisher.takeConfirmed();
        const writes = merge(plan.writes, after, confirmed);
        if (isEmpty(writes)) return "committed";
        const result = await commit(writes);
        if (result.outcome === "conflict") {
          publisher.giveBack(confirmed);
          return result;
        }
        databaseClock.observe(result.nowMs);
        plan.committed();
        after.committed();
        publisher.enqueue(writes.outbox);
        onCommitted?.(writes);
        this.#count(pending, all, this.#options.clock.monotonicMs() - startedMs);
        return "committed";
      } catch (error) {
        publisher.giveBack(confirmed);
        planner.forget();
        aftermath.forget();
        if (errorCode(error) === "dependency.unavailable") {
          await this.#waitForStore(error);
          continue;
        }
        if (new Set(pending.map((work) => planner.groupOf(work))).size > 1) return "split";
        if (pending.length === 0) throw error;
        for (const work of pending) failed.set(work, error);
        pending = [];
      }
    }
  }

  /** One bad key must not hold up the others: each goes on alone. */
  async #settleGroups(works: readonly Work[], commit: Commit): Promise<void> {
    const groups = Map.groupBy(works, (work) => this.#options.planner.groupOf(work));
    for (const group of groups.values()) await this.settle(group, [], commit);
  }

  /**
   * Runs a local command: no tier, no dead letter, its caller learns what happened.
   *
   * @returns The events that it led to.
   * @throws What its decision or commit threw.
   */
  async execute(work: Work, commit: Commit): Promise<Recorded> {
    const { planner, databaseClock, publisher, onCommitted } = this.#options;
    for (let conflicts = 0; conflicts <= conflictsMax; conflicts += 1) {
      await planner.load([work]);
      const plan = planner.plan([work], databaseClock.nowMs());
      const failure = plan.failures.get(work);
      if (failure !== undefined) throw failure;
      let result: CommitResult;
      try {
        result = await commit(plan.writes);
      } catch (error) {
        planner.forget();
        throw error;
      }
      if (result.outcome === "committed") {
        databaseClock.observe(result.nowMs);
        plan.committed();
        publisher.enqueue(plan.writes.outbox);
        onCommitted?.(plan.writes);
        return plan.recorded.get(work) ?? [];
      }
      planner.forget(result.stale);
    }
    throw conflictError;
  }

  async #withoutHandled(works: readonly Work[]): Promise<readonly Work[]> {
    const { store, planner, meter } = this.#options;
    const suspects = works.filter(({ isSuspect }) => isSuspect).map(({ received }) => received.id);
    if (suspects.length === 0) return works;
    for (;;) {
      try {
        const handled = await store.findHandled(planner.inboxConsumer, suspects);
        return works.filter(({ received, isSuspect }) => {
          const isHandled = isSuspect && handled.has(received.id);
          if (isHandled) meter.handled(received.type, "duplicate", 0);
          return !isHandled;
        });
      } catch (error) {
        if (errorCode(error) !== "dependency.unavailable") throw error;
        await this.#waitForStore(error);
      }
    }
  }

  /** A repeated command changes nothing; its stored answers are sent again. */
  async #answerAgain(commandIds: readonly string[]): Promise<void> {
    const { store, ids, publisher, log } = this.#options;
    try {
      publisher.enqueue(await store.requeueAnswers(commandIds, () => ids.next()));
    } catch (error) {
      // The sender repeats its command until it is answered, so the next repeat tries this again.
      log.warn("Cannot queue stored answers again: {error}", { error: errorText(error) });
    }
  }

  /** An outage is no attempt: what is held waits until the database answers. */
  async #waitForStore(error: unknown): Promise<void> {
    const { store, clock, log } = this.#options;
    log.warn("Database is away, waiting: {error}", { error: errorText(error) });
    this.#isWaitingForStore = true;
    try {
      for (let waitMs = 100;; waitMs = Math.min(waitMs * 2, 5_000)) {
        if (this.#stopping.aborted) throw error;
        await clock.delay(waitMs, this.#stopping);
        try {
          this.#options.databaseClock.observe(await store.nowMs());
          return;
        } catch {
          // Still away.
        }
      }
    } finally {
      this.#isWaitingForStore = false;
    }
  }

  #count(works: readonly Work[], failures: ReadonlyMap<Work, unknown>, durationMs: number): void {
    const { meter } = this.#options;
    for (const work of works) if (!failures.has(work)) meter.handled(work.received.type, "committed", durationMs);
    for (const [{ received }, error] of failures) {
      meter.handled(received.type, dispositionOf(error).verdict === "dead" ? "dead" : "retried", durationMs);
    }
  }
}

type Conflict = Extract<CommitResult, { outcome: "conflict" }>;

const conflictError = Object.assign(new Error("Cannot commit: the stream moved on more than 3 times in a row"), {
  code: "store.conflict",
});

function merge(plan: TurnWrites, after: TurnWrites, confirmed: readonly string[]): TurnWrites {
  return {
    inbox: [...plan.inbox, ...after.inbox],
    voided: plan.voided,
    expected: [...plan.expected, ...after.expected],
    events: [...plan.events, ...after.events],
    snapshots: [...plan.snapshots, ...after.snapshots],
    outbox: [...plan.outbox, ...after.outbox],
    answered: plan.answered,
    confirmed,
    timers: plan.timers,
    effects: plan.effects,
    deadLetters: after.deadLetters,
    rows: plan.rows,
    ...(plan.notify === undefined ? {} : { notify: plan.notify }),
  };
}

/** Nothing that anybody could miss; confirms alone are left to the publisher's own settling. */
function isEmpty({ notify: _notify, ...writes }: TurnWrites): boolean {
  return Object.values(writes).every((list) => list.length === 0);
}
