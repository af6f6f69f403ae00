import { type Clock, ConflictError, errorCode, errorText, type IdSource } from "@mesh/base";
import type { CommitResult, Store, TurnWrites } from "@mesh/store";
import type { Aftermath } from "./aftermath.ts";
import type { DatabaseClock } from "./database_clock.ts";
import { dispositionOf } from "./disposition.ts";
import type { Refusal } from "./intake.ts";
import type { Sorted } from "./lane_order.ts";
import { Lanes } from "./lanes.ts";
import { failuresOf, isEmpty, mergeWrites } from "./batch_writes.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import { noneSettled, type OutboxPublisher } from "./outbox_publisher.ts";
import type { Speaker } from "./speaker.ts";
import { distinct, isAnswerable, type Plan, type Planner, type Recorded, type Work } from "./work.ts";

/** Commits a turn, possibly together with a service's own statements. */
export type Commit = (writes: TurnWrites) => Promise<CommitResult>;

/** What settling a batch needs. */
export interface BatchSettlerOptions {
  readonly store: Store;
  readonly planner: Planner;
  readonly aftermath: Aftermath;
  readonly lanes: Lanes;
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
   * Brings a batch to its end: every message committed, parked, on its way through a tier, or dead; every caller told.
   *
   * @param failed Those of the works that are not to be tried, with what stands against them.
   */
  async settle(
    works: readonly Work[],
    refusals: readonly Refusal[],
    commit: Commit,
    failed: ReadonlyMap<Work, unknown> = new Map(),
  ): Promise<void> {
    const { meter, clock, planner, aftermath, lanes } = this.#options;
    const startedMs = clock.monotonicMs();
    const [first, rivals] = distinct(works);
    const unhandled = await this.#withoutHandled(first);
    const batch: Batch = {
      pending: unhandled.filter((work) => !failed.has(work)),
      failed: new Map(unhandled.flatMap((work) => failed.has(work) ? [[work, failed.get(work)]] : [])),
      refusals: [...refusals],
      repeated: [],
      gone: [],
    };
    if (unhandled.length < works.length) {
      const pending = new Set(unhandled);
      batch.repeated.push(...works.filter((work) => isAnswerable(work) && !pending.has(work)));
    }
    for (let conflicts = 0;;) {
      const result = await this.#attempt(batch, commit);
      if (result === "committed") break;
      if (result === "split") {
        await this.#settleParts(batch.pending, commit);
        batch.pending = [];
        if (batch.failed.size === 0 && batch.refusals.length === 0 && batch.gone.length === 0) break;
        continue;
      }
      this.#dropKnown(batch, result);
      planner.forget(result.stale);
      aftermath.forget();
      const areLanesMoved = Lanes.isMovedIn(result.stale);
      if (areLanesMoved) lanes.forget();
      if (result.duplicates.length === 0 && !areLanesMoved && ++conflicts > conflictsMax) {
        if (batch.pending.length > 1) await this.#settleParts(batch.pending, commit);
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
      batch.gone.push(work);
      if (work.caller !== undefined) work.caller.failed(isLost ? leaseError : handledError);
      else if (isSame.get(received.id) === true) {
        meter.handled(received.type, "duplicate", 0);
        if (isAnswerable(work)) batch.repeated.push(work);
      } else batch.refusals.push(aftermath.forged(work));
      return false;
    });
  }

  async #attempt(batch: Batch, commit: Commit): Promise<"committed" | "split" | Conflict> {
    const { planner, aftermath, lanes, publisher, speaker, databaseClock, clock, onCommitted } = this.#options;
    const startedMs = clock.monotonicMs();
    for (;;) {
      let settled = noneSettled;
      try {
        await aftermath.load(batch.refusals, batch.pending);
        const { plan, sorted, failures, nowMs } = await this.#plan(batch);
        const after = aftermath.of(batch.refusals, failures, nowMs);
        settled = publisher.takeSettled();
        const refused = batch.refusals.filter(({ parked, headOf }) => parked !== undefined || headOf !== undefined);
        const changes = lanes.changes(
          { ...sorted, failures, gone: batch.gone, refused, voided: plan.writes.voided },
          nowMs,
        );
        const decided = mergeWrites(plan.writes, { after, settled, lanes: changes });
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
        lanes.committed(writes);
        publisher.committed(writes);
        onCommitted?.(writes);
        this.#tell(batch.pending, plan);
        this.#count(sorted, failures, clock.monotonicMs() - startedMs);
        return "committed";
      } catch (error) {
        publisher.giveBack(settled);
        planner.forget();
        aftermath.forget();
        lanes.forget();
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
        if (batch.pending.length > 1) return "split";
        if (batch.pending.length === 0) throw error;
        for (const work of batch.pending) this.#fail(work, error, batch);
        batch.pending = [];
      }
    }
  }

  /** Decides what its lanes let go; what came after a failure in its lane is not decided before it. */
  async #plan(batch: Batch): Promise<Planned> {
    const { lanes, databaseClock } = this.#options;
    await lanes.load();
    const works = batch.failed.size === 0 ? batch.pending : [...batch.failed.keys(), ...batch.pending];
    let failures: ReadonlyMap<Work, unknown> = batch.failed;
    let sorted = lanes.sort(works, failures);
    for (;;) {
      const plan = await this.#planAll(sorted.going.filter((work) => !batch.failed.has(work)));
      failures = failuresOf(plan, batch.failed);
      const again = lanes.sort(works, failures);
      // Each round settles one more of them from the front, so that it comes to an end.
      if (again.going.length === sorted.going.length && again.going.every((work, at) => work === sorted.going[at])) {
        const going = new Set(sorted.going);
        failures = new Map([...failures].filter(([work]) => going.has(work)));
        return { plan, sorted, failures, nowMs: databaseClock.nowMs() };
      }
      sorted = again;
    }
  }

  async #planAll(works: readonly Work[]): Promise<Plan> {
    const { planner, databaseClock } = this.#options;
    for (;;) {
      await planner.load(works);
      const plan = planner.plan(works, databaseClock.nowMs());
      if (plan.isUnsure !== true) return plan;
    }
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

  /**
   * One bad key must not hold up the others, nor one bad message those of its key: each key goes on alone, and where there
   * is only one, each message.
   */
  async #settleParts(works: readonly Work[], commit: Commit): Promise<void> {
    const groups = [...Map.groupBy(works, (work) => this.#options.planner.groupOf(work)).values()];
    const parts = groups.length > 1 ? groups : works.map((work) => [work]);
    for (const part of parts) await this.settle(part, [], commit);
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
      const plan = await this.#planAll([work]);
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
    const { store, planner, lanes, meter } = this.#options;
    if (!works.some(({ isSuspect }) => isSuspect)) return works;
    for (;;) {
      try {
        await lanes.load();
        // What a lane waits for, or lets go, is looked up with the commit: only then is its end the lane's, too.
        const suspects = new Set(
          works.filter((work) => work.isSuspect && work.parkedIn === undefined && !lanes.isAwaited(work)),
        );
        const ids = [...suspects].map(({ received }) => received.id);
        const handled = ids.length === 0 ? new Set() : await store.findHandled(planner.inboxConsumer, ids);
        return works.filter((work) => {
          const { id, type } = work.received;
          const isHandled = suspects.has(work) && handled.has(id);
          if (isHandled) meter.handled(type, "duplicate", 0);
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

  #count({ going, parked }: Sorted, failures: ReadonlyMap<Work, unknown>, durationMs: number): void {
    const { meter } = this.#options;
    for (const work of going) if (!failures.has(work)) meter.handled(work.received.type, "committed", durationMs);
    for (const { received } of parked) meter.handled(received.type, "parked", durationMs);
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
  /** What somebody else had handled when it was to be committed. */
  readonly gone: Work[];
}

/** A batch that is decided. */
interface Planned {
  readonly plan: Plan;
  readonly sorted: Sorted;
  /** What is for the aftermath; callers hear of theirs directly. */
  readonly failures: ReadonlyMap<Work, unknown>;
  readonly nowMs: number;
}

const leaseError = new ConflictError("Cannot record an outcome: the lease of its effect was lost", {
  reason: "lease-lost",
});

const handledError = new ConflictError("Cannot run a command: one with its id was handled before", {
  reason: "handled-before",
});

const conflictError = new ConflictError("Cannot commit: the stream moved on more than 3 times in a row");
