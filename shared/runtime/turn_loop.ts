import { Deadlines, errorText, UnavailableError } from "@mesh/base";
import type { Consumer, Delivery } from "@mesh/broker";
import { BatchSettler, type BatchSettlerOptions, type Commit } from "./batch_settler.ts";
import type { Intake, Refusal } from "./intake.ts";
import { Quarantine, type QuarantineOptions } from "./quarantine.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { Recorded, Work } from "./work.ts";

/** What the loop needs. */
export interface TurnLoopOptions extends BatchSettlerOptions, Pick<QuarantineOptions, "ordinal"> {
  readonly intake: Intake;
  /** Absent for a service without a mailbox. */
  readonly consumer?: Consumer;
  readonly settings: RuntimeSettings;
  /**
   * Shortest time from the beginning of one turn to that of the next, in milliseconds, unless the turn was a full one; for
   * services that nobody waits for. 0 when absent.
   */
  readonly gatherMs?: number;
  /** Ends the process: a turn has overrun its deadline, and only a fresh start is safe. */
  readonly abandon: (reason: string) => void;
}

interface Job {
  readonly run: () => Promise<void>;
}

/** A reason of one's own costs nothing; without one each abort makes an exception with its stack. */
const woken = "woken";

/**
 * One turn after the other: take what is there, prove, load, decide, sign, commit, acknowledge, publish.
 *
 * One batch is in flight at a time. Commands of this very process and outcomes of its effects join the batch; other work
 * from elsewhere (catch-up, commands with statements of their own) queues up behind it, so that states in memory have
 * one writer.
 */
export class TurnLoop {
  readonly #options: TurnLoopOptions;
  readonly #jobs: Job[] = [];
  #local: Work[] = [];
  #wake = new AbortController();
  readonly #stopping = new AbortController();
  readonly #settler: BatchSettler;
  /** Knows when a message may be taken up together with others. */
  readonly quarantine: Quarantine;
  readonly #turnDeadlines: Deadlines;
  #isDraining = false;
  #hasEnded = false;
  /** When deliveries may be taken again; see `gatherMs`. */
  #nextTakeMs = -Infinity;
  /** Until when the loop leaves the processor to others; see `restPercent`. */
  #restUntilMs = -Infinity;
  #resting: AbortController | undefined;

  constructor(options: TurnLoopOptions) {
    this.#options = options;
    this.#settler = new BatchSettler(options, this.#stopping.signal);
    this.quarantine = new Quarantine({ ...options, settler: this.#settler, stopping: this.#stopping.signal });
    this.#turnDeadlines = new Deadlines(options.clock, options.settings.turnDeadlineMs);
  }

  /** Runs until {@link drain}. Never throws for what a message or a lost dependency can cause. */
  async run(): Promise<void> {
    let { consumer } = this.#options;
    while (!this.#isDraining) {
      const job = this.#jobs.shift();
      if (job !== undefined) {
        await job.run();
        continue;
      }
      if (await this.#rest()) continue;
      // An aborted signal ends the wait and not the taking: what is there is taken together with what woke the loop.
      if (this.#wake.signal.aborted && this.#local.length === 0) this.#wake = new AbortController();
      if (consumer === undefined && this.#local.length === 0) {
        await aborted(this.#wake.signal);
        continue;
      }
      const deliveries = consumer === undefined ? [] : await this.#take(consumer);
      // Only a consumer that has ended gives nothing without being woken; asking it again would never let go of the
      // event loop.
      if (deliveries === undefined) consumer = undefined;
      const local = this.#local.splice(0, this.#options.settings.batchMax);
      if (local.length > 0 || (deliveries ?? []).length > 0) await this.#turn(deliveries ?? [], local, consumer);
    }
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await job.run();
    this.#hasEnded = true;
    for (const { caller } of this.#local.splice(0)) caller?.failed(stoppedError());
    this.#turnDeadlines[Symbol.dispose]();
  }

  /** Lets the turn in flight finish, then ends {@link run}; waits for a lost database no longer. */
  drain(): void {
    this.#isDraining = true;
    this.#stopping.abort(woken);
    this.#wake.abort(woken);
    this.#resting?.abort(woken);
  }

  /**
   * Takes proven work in from elsewhere, in a turn of its own.
   *
   * @returns When it is committed (or has gone to retry or dead letters).
   */
  submit(works: readonly Work[]): Promise<void> {
    return this.exclusively(() => this.settle(works, []));
  }

  /** As {@link submit}, for a task that runs between turns already. */
  settle(works: readonly Work[], refusals: readonly Refusal[]): Promise<void> {
    return this.quarantine.settle(works, refusals, (writes) => this.#options.store.commit(writes));
  }

  /**
   * Takes work of this process into the next turn.
   *
   * @returns The events that it led to, once they are committed.
   * @throws What its decision or commit threw; nothing is retried in a tier.
   */
  perform(work: Work): Promise<Recorded> {
    if (this.#isDraining) return Promise.reject(stoppedError());
    return new Promise((resolve, reject) => {
      this.#local.push({ ...work, caller: { committed: resolve, failed: reject } });
      this.#wake.abort(woken);
    });
  }

  /**
   * Runs a local command as a turn of its own.
   *
   * @param commit Commits it together with the caller's own statements.
   * @returns The events that it led to.
   * @throws What its decision or commit threw; nothing is retried in a tier.
   */
  execute(work: Work, commit: Commit): Promise<Recorded> {
    return this.exclusively(() => this.#settler.execute(work, commit));
  }

  /**
   * Runs `task` between turns, while nothing else changes the service's state.
   *
   * @throws {UnavailableError} If the loop has ended.
   */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    if (this.#hasEnded) return Promise.reject(stoppedError());
    return new Promise((resolve, reject) => {
      this.#jobs.push({ run: () => task().then(resolve, reject) });
      this.#wake.abort(woken);
      this.#resting?.abort(woken);
    });
  }

  /** @returns Whether something has come that does not wait for the end of the rest. */
  async #rest(): Promise<boolean> {
    const { clock } = this.#options;
    const restMs = this.#restUntilMs - clock.monotonicMs();
    if (restMs < restMinMs) return false;
    this.#resting = new AbortController();
    await clock.delay(restMs, this.#resting.signal);
    const { aborted } = this.#resting.signal;
    this.#resting = undefined;
    return aborted;
  }

  /** @returns What is there, nothing when woken for other work, `undefined` when the consumer has ended. */
  async #take(consumer: Consumer): Promise<readonly Delivery[] | undefined> {
    const { settings, log, clock } = this.#options;
    const { signal } = this.#wake;
    const gatherMs = this.#nextTakeMs - clock.monotonicMs();
    if (gatherMs > 0 && !signal.aborted) {
      await clock.delay(gatherMs, signal);
      // What woke the loop goes first, and does not bring the turn forward.
      if (signal.aborted) return [];
    }
    try {
      const deliveries = await consumer.take(settings.batchMax, signal);
      return deliveries.length === 0 && !signal.aborted ? undefined : deliveries;
    } catch (error) {
      log.warn("Cannot take deliveries: {error}", { error: errorText(error) });
      await clock.delay(1_000, this.#stopping.signal);
      return [];
    }
  }

  /** Takes a batch through; what cannot be settled now is held and tried again, and goes back to the broker at the end. */
  async #turn(deliveries: readonly Delivery[], local: readonly Work[], consumer: Consumer | undefined): Promise<void> {
    const { clock, log } = this.#options;
    let works = local;
    while (!this.#stopping.signal.aborted) {
      try {
        return await this.#turnOnce(deliveries, works, consumer);
      } catch (error) {
        // Whoever has heard already does not hear again.
        for (const { caller } of works) caller?.failed(error);
        works = [];
        if (this.#stopping.signal.aborted || deliveries.length === 0) return;
        log.error("Turn failed, its messages are held: {error}", { error: errorText(error) });
        await clock.delay(1_000, this.#stopping.signal);
      }
    }
    for (const { caller } of works) caller?.failed(stoppedError());
  }

  async #turnOnce(
    deliveries: readonly Delivery[],
    local: readonly Work[],
    consumer: Consumer | undefined,
  ): Promise<void> {
    const { intake, settings, clock, gatherMs = 0, abandon } = this.#options;
    if (gatherMs > 0) {
      const isFull = deliveries.length >= settings.batchMax;
      this.#nextTakeMs = isFull ? -Infinity : clock.monotonicMs() + gatherMs;
    }
    const ended = this.#turnDeadlines.start(() => {
      if (!this.#settler.isWaitingForStore) abandon(`a turn took over ${settings.turnDeadlineMs} ms`);
    });
    const startedMs = clock.monotonicMs();
    try {
      const { works, refusals } = deliveries.length === 0 ? nothingReceived : await intake.receive(deliveries);
      await this.settle([...local, ...works], refusals);
      const last = deliveries.at(-1);
      if (last !== undefined) consumer?.ackThrough(last);
      const endedMs = clock.monotonicMs();
      const isFull = Math.max(deliveries.length, local.length) >= settings.batchMax;
      const restMs = Math.min((endedMs - startedMs) * settings.restPercent / 100, restMaxMs);
      this.#restUntilMs = isFull ? -Infinity : endedMs + restMs;
    } finally {
      ended();
    }
  }
}

/** 1 ms: clocks wait no shorter. */
const restMinMs = 1;
const restMaxMs = 50;

const nothingReceived = Object.freeze({ works: [], refusals: [] });

function stoppedError(): UnavailableError {
  return new UnavailableError("Cannot run a turn: the service is stopping");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
