import { type Clock, DefectError, errorText, timeOfUuidV7, UnavailableError } from "@mesh/base";
import type { Store } from "@mesh/store";
import type { BatchSettler, Commit } from "./batch_settler.ts";
import type { Refusal } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Work } from "./work.ts";

/** What the quarantine needs. */
export interface QuarantineOptions {
  readonly store: Pick<Store, "noteRun" | "countBegun" | "noteBegun" | "noteEnded" | "nowMs">;
  readonly settler: Pick<BatchSettler, "settle">;
  readonly clock: Clock;
  readonly log: Log;
  /** Which replica of the service this is. */
  readonly ordinal: number;
  /** Aborts when the process comes to its end. */
  readonly stopping: AbortSignal;
}

/** Runs of a replica that died in a row, from which on the next one looks for a message that kills it. */
const deathsMin = 2;

/**
 * Suspects that are begun together as long as nobody has died over any of them: one note for all costs little more than
 * one for each. Whoever was among them when the process died is begun alone from then on.
 */
const groupMax = 16;
/** Times that a process died over a message, once in a group and three times alone, after which that message is dead. */
const begunMax = 4;

/**
 * 5 s: so long a process lives before it takes up what others have died over. One that cannot live without it either
 * dies before, and that is not held against the message.
 */
const provenMs = 5_000;

/** 1 s: how far the clocks of two machines may differ. Beyond it a message that kills is found some runs later. */
const clocksDifferMs = 1_000;

/** A process that has lived for so long has lasted. */
const steadyMs = 60_000;

/**
 * Finds a message that takes the process down with it.
 *
 * After two runs that did not last, everything that may have been under way when they died (what is delivered again, what
 * a feed or a lane brings) is taken up in small groups, with a note in the database before each; what was in such a group
 * when the process died, alone and not before the process has lived without it for a while. What it died over four times
 * is dead, and its neighbours have cost nothing but time. A service that lives pays nothing for this.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;
  #isOn = false;
  #startedMs = 0;
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
    const { store, ordinal, log, clock } = this.#options;
    this.#startedMs = clock.monotonicMs();
    const deathCount = await store.noteRun(ordinal, "begun");
    this.#isOn = deathCount >= deathsMin;
    if (this.#isOn) {
      this.#beganAtMs = await store.nowMs();
      log.warn("The last {count} runs did not last: suspects are taken up few by few", { count: deathCount });
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
    // Order within a key, and within a lane, is the batch's.
    for (const part of partsOf(works, (work) => this.#isSuspect(work))) {
      if (part.isSuspect) await this.#settleSuspects(part.works, commit);
      else await settler.settle(part.works, [], commit);
    }
    if (refusals.length > 0) await settler.settle([], refusals, commit);
  }

  async #settleSuspects(works: readonly Work[], commit: Commit): Promise<void> {
    const { store } = this.#options;
    const begun = await store.countBegun(digestsOf(works));
    for (const { works: part, isSuspect } of partsOf(works, ({ digest }) => begun.has(digest))) {
      if (isSuspect) { for (const work of part) await this.#settleAlone(work, begun.get(work.digest)!, commit); }
      else {for (let at = 0; at < part.length; at += groupMax) {
          await this.#settleNoted(part.slice(at, at + groupMax), commit);
        }}
    }
  }

  async #settleAlone(work: Work, deathCount: number, commit: Commit): Promise<void> {
    const { store, settler, log, clock, stopping } = this.#options;
    if (deathCount < begunMax) {
      await clock.delay(Math.max(0, this.#startedMs + provenMs - clock.monotonicMs()), stopping);
      if (stopping.aborted) throw new UnavailableError("Cannot take a suspect up: the service is stopping");
      return await this.#settleNoted([work], commit);
    }
    const { id, type } = work.received;
    log.error("{type} {id} has ended the process {count} times and is dead now", { type, id, count: deathCount });
    const reason = new DefectError(`Cannot handle "${type}": the process ended over it ${deathCount} times`, {
      reason: "ended-the-process",
    });
    await settler.settle([work], [], commit, new Map([[work, reason]]));
    await store.noteEnded([work.digest]);
  }

  async #settleNoted(works: readonly Work[], commit: Commit): Promise<void> {
    const { store, settler } = this.#options;
    const digests = digestsOf(works);
    await store.noteBegun(digests);
    await settler.settle(works, [], commit);
    await store.noteEnded(digests);
  }

  /**
   * Whether it may have been under way when the process died. A feed brings what is new as well, and a service under load
   * that took all of that apart would fall behind until it has lasted.
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

function digestsOf(works: readonly Work[]): readonly string[] {
  return [...new Set(works.map(({ digest }) => digest))];
}

/** Takes works apart where one kind follows the other. */
function partsOf(works: readonly Work[], isOne: (work: Work) => boolean) {
  const parts: { readonly isSuspect: boolean; readonly works: Work[] }[] = [];
  for (const work of works) {
    const last = parts.at(-1);
    const isSuspect = isOne(work);
    if (last?.isSuspect === isSuspect) last.works.push(work);
    else parts.push({ isSuspect, works: [work] });
  }
  return parts;
}
