import { type Clock, ConflictError, errorCode, errorText, type IdSource } from "@mesh/base";
import type { CommitResult, Store, TurnWrites } from "@mesh/store";
import type { Aftermath } from "./aftermath.ts";
import type { DatabaseClock } from "./database_clock.ts";
import { dispositionOf } from "./disposition.ts";
import type { Refusal } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import { noneSettled, type OutboxPublisher, type SettledRows } from "./outbox_publisher.ts";
import type { UnsealedWrites } from "./sealing.ts";
import type { Speaker } from "./speaker.ts";
import { distinct, isAnswerable, type Plan, type Planner, type Recorded, type Work } from "./work.ts";

/** Commits a turn, possibly together with a service's own statements. */
export type Commit = (writes: TurnWrites) => Promise<CommitResult>;

/** What settling a batch needs. */
export interface BatchSettlerOptions {
  readonly store: Store;
  readonly planner: Planner;
  readonly aftermath: Aftermath;
  readonly publisher: OutboxPublisher;
  readonly speaker: Pick<Speaker, "seal">;
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

  /**
   * Brings a batch to its end: every message committed, on its way through a tier, or dead; every caller told.
   */
  async settle(works: readonly Work[], refusals: readonly Refusal[], commit: Commit): Promise<void> {
    const { meter, clock, planner, aftermath } = this.#options;
    const startedMs = clock.monotonicMs();
    const [first, rivals] = distinct(works);
    const batch: Batch = {
      pending: await this.#withoutHandled(first),
      failed: new Map(),
      refusals: [...refusals],
      repeated: [],
    };
    if (batch.pending.length < works.length) {
      const pending = new Set(batch.pending);
      batch.repeated.push(...works.filter((work) => isAnswerable(work) && !pending.has(work)));
    }
    for (let conflicts = 0;;) {
      const result = await this.#attempt(batch, commit);
      if (result === "committed") break;
      if (result === "split") {
        await this.#settleGroups(batch.pending, commit);
        batch.pending = [];
        if (batch.failed.size === 0 && batch.refusals.length === 0) break;
        continue;
      }
      this.#dropKnown(batch, result);
      planner.forget(result.stale);
      aftermath.forget();
      if (result.duplicates.length === 0 && ++conflicts > conflictsMax) {
        if (this.#groupCount(batch.pending) > 1) await this.#settleGroups(batch.pending, commit);
        else for (const work of batch.pending) this.#fail(work, conflictError, batch);
        batch.pending = [];
      }
    }
    meter.turn(works.length, clock.monotonicMs() - startedMs);
    if (batch.repeated.length > 0) await this.#answerAgain(batch.repeated.map(({ received }) => received.id));
    if (rivals.length > 0) await this.settle(rivals, [], commit);
  }

  /** Takes out what somebody else has handled meanwhile, and what bears the id of something else. */
  #dropKnown(batch: Batch, { duplicates, stale }: Conflict): void {
    const { meter, aftermath } = this.#options;
    const isSame = new Map(duplicates.map(({ messageId, isSameDigest }) => [messageId, isSameDigest]));
    const moved = new Set(stale);
    batch.pending = batch.pending.filter((work) => {
      const { received, endsEffect } = work;
      const isLost = endsEffect !== undefined && moved.has(endsEffect.id);
      if (!isSame.has(received.id) && !isLost) return true;
      if (work.caller !== undefined) work.caller.failed(isLost ? leaseError : handledError);
      else if (isSame.get(received.id) === true) {
        meter.handled(received.type, "duplicate", 0);
        if (isAnswerable(work)) batch.repeated.push(work);
      } else batch.refusals.push(aftermath.forged(work));
      return false;
    });
  }

  async #attempt(batch: Batch, commit: Commit): Promise<"committed" | "split" | Conflict> {
    const { planner, aftermath, publisher, speaker, databaseClock, clock, onCommitted } = this.#options;
    const startedMs = clock.monotonicMs();
    for (;;) {
      let settled = noneSettled;
      try {
        await aftermath.load(batch.refusals, batch.pending);
        const { plan, nowMs } = await this.#plan(batch.pending);
        const failures = this.#failuresOf(plan, batch);
        const after = aftermath.of(batch.refusals, failures, nowMs);
        settled = publisher.takeSettled();
        const decided = merge(plan.writes, after, settled);
        if (isEmpty(decided)) {
          this.#tell(batch.pending, plan);
          return "committed";
        }
        const writes = speaker.seal(decided);
        const result = await commit(writes);
        if (result.outcome === "conflict") {
          publisher.giveBack(settled);
          return result;
        }
        databaseClock.observe(result.nowMs);
        plan.committed();
        after.committed();
        publisher.committed(writes);
        onCommitted?.(writes);
        this.#tell(batch.pending, plan);
        this.#count(batch.pending, failures, clock.monotonicMs() - startedMs);
        return "committed";
      } catch (error) {
        publisher.giveBack(settled);
        planner.forget();
        aftermath.forget();
        if (errorCode(error) === "dependency.unavailable") {
          // Callers have limits of their own, and nobody knows now whether theirs was committed.
          batch.pending = batch.pending.filter((work) => {
            work.caller?.failed(error);
            return work.caller === undefined;
          });
          if (batch.pending.length === 0 && batch.failed.size === 0 && batch.refusals.length === 0) return "committed";
          await this.#waitForStore(error);
          continue;
        }
        if (this.#groupCount(batch.pending) > 1) return "split";
        if (batch.pending.length === 0) throw error;
        for (const work of batch.pending) this.#fail(work, error, batch);
        batch.pending = [];
      }
    }
  }

  async #plan(works: readonly Work[]): Promise<{ readonly plan: Plan; readonly nowMs: number }> {
    const { planner, databaseClock } = this.#options;
    for (;;) {
      await planner.load(works);
      const nowMs = databaseClock.nowMs();
      const plan = planner.plan(works, nowMs);
      if (plan.isUnsure !== true) return { plan, nowMs };
    }
  }

  /** Tells callers of what failed; the rest is for the aftermath. */
  #failuresOf(plan: Plan, { failed }: Batch): ReadonlyMap<Work, unknown> {
    if (failed.size === 0 && plan.failures.size === 0) return failed;
    const all = new Map(failed);
    for (const [work, error] of plan.failures) if (work.caller === undefined) all.set(work, error);
    return all;
  }

  #fail(work: Work, error: unknown, { failed }: Batch): void {
    if (work.caller === undefined) failed.set(work, error);
    else work.caller.failed(error);
  }

  #tell(works: readonly Work[], plan: Plan): void {
    for (const work of works) {
      if (work.caller === undefined) continue;
      if (plan.failures.has(work)) work.caller.failed(plan.failures.get(work));
      else work.caller.committed(plan.recorded.get(work) ?? []);
    }
  }

  #groupCount(works: readonly Work[]): number {
    return new Set(works.map((work) => this.#options.planner.groupOf(work))).size;
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
    const { planner, databaseClock, publisher, speaker, onCommitted } = this.#options;
    for (let conflicts = 0; conflicts <= conflictsMax; conflicts += 1) {
      const { plan } = await this.#plan([work]);
      const failure = plan.failures.get(work);
      if (failure !== undefined) throw failure;
      const writes = speaker.seal(plan.writes);
      let result: CommitResult;
      try {
        result = await commit(writes);
      } catch (error) {
        planner.forget();
        throw error;
      }
      if (result.outcome === "committed") {
        databaseClock.observe(result.nowMs);
        plan.committed();
        publisher.committed(writes);
        onCommitted?.(writes);
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

/** A batch on its way to its end. */
interface Batch {
  pending: readonly Work[];
  /** What went wrong with which, for retry tiers and dead letters. */
  readonly failed: Map<Work, unknown>;
  readonly refusals: Refusal[];
  /** Commands that were handled before. */
  readonly repeated: Work[];
}

const leaseError = new ConflictError("Cannot record an outcome: the lease of its effect was lost", {
  reason: "lease-lost",
});

const handledError = new ConflictError("Cannot run a command: one with its id was handled before", {
  reason: "handled-before",
});

const conflictError = new ConflictError("Cannot commit: the stream moved on more than 3 times in a row");

function merge(plan: UnsealedWrites, after: UnsealedWrites, settled: SettledRows): UnsealedWrites {
  return {
    inbox: [...plan.inbox, ...after.inbox],
    voided: plan.voided,
    expected: [...plan.expected, ...after.expected],
    events: [...plan.events, ...after.events],
    snapshots: [...plan.snapshots, ...after.snapshots],
    outbox: [...plan.outbox, ...after.outbox],
    answered: plan.answered,
    confirmed: settled.confirmed,
    awaiting: settled.awaiting,
    timers: plan.timers,
    effects: plan.effects,
    endedEffects: plan.endedEffects,
    deadLetters: after.deadLetters,
    rows: plan.rows,
    ...(plan.notify === undefined ? {} : { notify: plan.notify }),
  };
}

/** Nothing that anybody could miss; confirms alone are left to the publisher's own settling. */
function isEmpty(writes: UnsealedWrites): boolean {
  for (const name in writes) {
    if (name !== "notify" && (writes[name as keyof UnsealedWrites] as readonly unknown[]).length > 0) return false;
  }
  return true;
}
