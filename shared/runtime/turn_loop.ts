import { errorText } from "@mesh/base";
import type { Consumer, Delivery } from "@mesh/broker";
import { BatchSettler, type BatchSettlerOptions, type Commit, type Recorded } from "./batch_settler.ts";
import type { Intake } from "./intake.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { Work } from "./work.ts";

/** What the loop needs. */
export interface TurnLoopOptions extends BatchSettlerOptions {
  readonly intake: Intake;
  /** Absent for a service without a mailbox. */
  readonly consumer?: Consumer;
  readonly settings: RuntimeSettings;
  /** Ends the process: a turn has overrun its deadline, and only a fresh start is safe. */
  readonly abandon: (reason: string) => void;
}

interface Job {
  readonly run: () => Promise<void>;
}

/**
 * One turn after the other: take what is there, prove, load, decide, sign, commit, acknowledge, publish.
 *
 * One batch is in flight at a time. Work from elsewhere (catch-up, local commands) queues up behind it, so that states
 * in memory have one writer.
 */
export class TurnLoop {
  readonly #options: TurnLoopOptions;
  readonly #jobs: Job[] = [];
  #wake = new AbortController();
  readonly #stopping = new AbortController();
  readonly #settler: BatchSettler;
  #isDraining = false;

  constructor(options: TurnLoopOptions) {
    this.#options = options;
    this.#settler = new BatchSettler(options, this.#stopping.signal);
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
      this.#wake = new AbortController();
      if (this.#jobs.length > 0 || this.#isDraining) continue;
      if (consumer === undefined) {
        await aborted(this.#wake.signal);
        continue;
      }
      const deliveries = await this.#take(consumer);
      // Only a consumer that has ended gives nothing without being woken; asking it again would never let go of the
      // event loop.
      if (deliveries === undefined) consumer = undefined;
      else await this.#turn(deliveries, consumer);
    }
    for (const job of this.#jobs.splice(0)) await job.run();
  }

  /** Lets the turn in flight finish, then ends {@link run}; waits for a lost database no longer. */
  drain(): void {
    this.#isDraining = true;
    this.#stopping.abort();
    this.#wake.abort();
  }

  /**
   * Takes proven work in from elsewhere, in a turn of its own.
   *
   * @returns When it is committed (or has gone to retry or dead letters).
   */
  submit(works: readonly Work[]): Promise<void> {
    return this.exclusively(() => this.#settler.settle(works, [], (writes) => this.#options.store.commit(writes)));
  }

  /**
   * Runs a local command as a turn of its own.
   *
   * @param commit Commits it, possibly with the caller's own statements.
   * @returns The events that it led to.
   * @throws What its decision or commit threw; nothing is retried in a tier.
   */
  execute(work: Work, commit: Commit): Promise<Recorded> {
    return this.exclusively(() => this.#settler.execute(work, commit));
  }

  /** Runs `task` between turns, while nothing else changes the service's state. */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ run: () => task().then(resolve, reject) });
      this.#wake.abort();
    });
  }

  /** @returns What is there, nothing when woken for other work, `undefined` when the consumer has ended. */
  async #take(consumer: Consumer): Promise<readonly Delivery[] | undefined> {
    const { settings, log, clock } = this.#options;
    const { signal } = this.#wake;
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
  async #turn(deliveries: readonly Delivery[], consumer: Consumer): Promise<void> {
    const { clock, log } = this.#options;
    while (deliveries.length > 0 && !this.#stopping.signal.aborted) {
      try {
        return await this.#turnOnce(deliveries, consumer);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        log.error("Turn failed, its messages are held: {error}", { error: errorText(error) });
        await clock.delay(1_000, this.#stopping.signal);
      }
    }
  }

  async #turnOnce(deliveries: readonly Delivery[], consumer: Consumer): Promise<void> {
    const { intake, store, clock, settings, abandon } = this.#options;
    const overrun = new AbortController();
    void clock.delay(settings.turnDeadlineMs, overrun.signal).then(() => {
      if (!overrun.signal.aborted && !this.#settler.isWaitingForStore) {
        abandon(`a turn took over ${settings.turnDeadlineMs} ms`);
      }
    });
    try {
      const { works, refusals } = await intake.receive(deliveries);
      await this.#settler.settle(works, refusals, (writes) => store.commit(writes));
      const last = deliveries.at(-1);
      if (last !== undefined) consumer.ackThrough(last);
    } finally {
      overrun.abort();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
