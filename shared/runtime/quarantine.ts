import { type Clock, DefectError, errorText, timeOfUuidV7 } from "@mesh/base";
import type { Store } from "@mesh/store";
import type { BatchSettler, Commit } from "./batch_settler.ts";
import type { Refusal } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Work } from "./work.ts";

/** What the quarantine needs. */
export interface QuarantineOptions {
  readonly store: Pick<Store, "noteRun" | "beginAlone" | "endAlone" | "nowMs">;
  readonly settler: Pick<BatchSettler, "settle">;
  readonly clock: Clock;
  readonly log: Log;
  /** Which replica of the service this is. */
  readonly ordinal: number;
}

/** Runs of a replica that died in a row, from which on the next one looks for a message that kills it. */
const deathsMin = 2;

/** Times that a process died over one message alone, after which that message is dead. */
const alonesMax = 2;

/** 1 s: how far the clocks of two machines may differ. Beyond it a message that kills is found some runs later. */
const clocksDifferMs = 1_000;

/** A process that has lived for so long has lasted. */
const steadyMs = 60_000;

/**
 * Finds a message that takes the process down with it.
 *
 * After two runs that did not last, everything that may have been under way when they died (what is delivered again, what
 * a feed or a lane brings) is taken up alone, with a note in the database before it. What was noted twice and nothing
 * became of it is dead, and its neighbours have cost nothing but time. A service that lives pays nothing for this.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;
  #isOn = false;
  /** What was made later was not under way when the run before this one died; on the database's clock. */
  #beganAtMs = 0;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  /**
   * Notes that the process has begun.
   *
   * @throws {UnavailableError} If the database does not answer.
   */
  async begin(): Promise<void> {
    const { store, ordinal, log } = this.#options;
    const deathCount = await store.noteRun(ordinal, "begun");
    this.#isOn = deathCount >= deathsMin;
    if (this.#isOn) {
      this.#beganAtMs = await store.nowMs();
      log.warn("The last {count} runs did not last: suspects are taken up one by one", { count: deathCount });
    }
  }

  /** Ends the quarantine once the process has lasted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    await clock.delay(steadyMs, signal);
    while (!signal.aborted) {
      try {
        await this.#note("steady");
        this.#isOn = false;
        return;
      } catch (error) {
        log.warn("Cannot note that the process has lasted: {error}", { error: errorText(error) });
        await clock.delay(steadyMs, signal);
      }
    }
  }

  /** Notes that the process comes to its end in order; where that cannot be noted, the next run counts it as a death. */
  async end(): Promise<void> {
    const { log } = this.#options;
    await this.#note("stopped").catch((error) => {
      log.warn("Cannot note that the process ends: {error}", { error: errorText(error) });
    });
  }

  /** Settles a batch; while the quarantine is on, each suspect of it alone. */
  async settle(works: readonly Work[], refusals: readonly Refusal[], commit: Commit): Promise<void> {
    const { settler } = this.#options;
    if (!this.#isOn || !works.some((work) => this.#isSuspect(work))) {
      return await settler.settle(works, refusals, commit);
    }
    let together: Work[] = [];
    for (const work of works) {
      if (!this.#isSuspect(work)) {
        together.push(work);
        continue;
      }
      // Order within a key, and within a lane, is the batch's.
      if (together.length > 0) await settler.settle(together, [], commit);
      together = [];
      await this.#settleAlone(work, commit);
    }
    if (together.length > 0 || refusals.length > 0) await settler.settle(together, refusals, commit);
  }

  async #settleAlone(work: Work, commit: Commit): Promise<void> {
    const { store, settler, log } = this.#options;
    const deathCount = await store.beginAlone(work.digest);
    if (deathCount < alonesMax) await settler.settle([work], [], commit);
    else {
      const { id, type } = work.received;
      log.error("{type} {id} has ended the process {count} times and is dead now", { type, id, count: deathCount });
      const reason = new DefectError(`Cannot handle "${type}": the process ended over it ${deathCount} times`, {
        reason: "ended-the-process",
      });
      await settler.settle([work], [], commit, new Map([[work, reason]]));
    }
    await store.endAlone(work.digest);
  }

  /**
   * Whether it may have been under way when the process died. A feed brings what is new as well, and a service under load
   * that took all of that alone would fall behind until it has lasted.
   */
  #isSuspect({ isSuspect, caller, userId, received }: Work): boolean {
    if (!isSuspect || caller !== undefined) return false;
    return userId !== "" || timeOfUuidV7(received.id) <= this.#beganAtMs + clocksDifferMs;
  }

  async #note(note: "steady" | "stopped"): Promise<void> {
    const { store, ordinal } = this.#options;
    await store.noteRun(ordinal, note);
  }
}
