import { type Clock, errorText } from "@mesh/base";
import {
  type LetterFate,
  type RedriveItemChange,
  type RedriveStatus,
  type RedriveStep,
  type StoredDeadLetter,
  type StoredRedrive,
  type StoredRedriveItem,
} from "@mesh/store";
import type { Log } from "./log.ts";
import { logged, type LogOptions, operatorActed } from "./operator_log.ts";
import { redriveEntry, type RedriveEntryOptions, type RedriveJudge, type Verdict } from "./redrive_judge.ts";
import {
  failsTooOften,
  nextBatch,
  portionOf,
  type RedriveLimits,
  type RedriveProgress,
  type RedriveTerms,
  withOutcomes,
} from "./redrive_terms.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { TurnLoop } from "./turn_loop.ts";

/** What the loop needs. */
export interface RedriveLoopOptions extends LogOptions, RedriveEntryOptions {
  readonly service: string;
  readonly loop: Pick<TurnLoop, "exclusively">;
  readonly judge: Pick<RedriveJudge, "judge" | "fates">;
  /** Called after letters were taken: one of them may hold up a lane. */
  readonly onTaken: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<RuntimeSettings, "redriveEveryMs" | "leaseMs" | "tiersMs">;
}

/** Letters that one step looks at: those under way are 256 at most, and of those that wait the first are enough. */
const lookMax = 500;
/** Attempts at one step while others write to the log or settle letters. */
const attemptsMax = 3;
/** 60 s without a job: whatever began lately is looked at often. */
const busyMs = 60_000;

/** What a step came to, before anything is written. */
interface Decided {
  readonly step: RedriveStep;
  readonly letters: readonly StoredDeadLetter[];
}

/**
 * Carries redrives on, step by step: hears what became of the messages under way, stops when too many died again, and
 * takes the next ones: in growing batches, each only when the outcome of the last is known, within the rate and the
 * number of one flow that may be under way.
 *
 * Nothing of a job is kept in memory. Any replica may do a step; the job's revision lets one of them win.
 */
export class RedriveLoop {
  readonly #options: RedriveLoopOptions;
  #wake: () => void = () => {};
  #busyUntilMs = -Infinity;

  constructor(options: RedriveLoopOptions) {
    this.#options = options;
  }

  /** Says that there is a job to look at. */
  hint(): void {
    this.#busyUntilMs = this.#options.clock.monotonicMs() + busyMs;
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, settings } = this.#options;
    while (!signal.aborted) {
      try {
        if (await this.advance()) this.#busyUntilMs = clock.monotonicMs() + busyMs;
      } catch (error) {
        log.warn("Cannot carry on a redrive: {error}", { error: errorText(error) });
        await clock.delay(1_000, signal);
      }
      const isBusy = clock.monotonicMs() < this.#busyUntilMs;
      await this.#untilHintedOr(isBusy ? settings.redriveEveryMs : settings.leaseMs, signal);
    }
  }

  /**
   * Does one step of the job that has waited longest.
   *
   * @returns Whether there was one.
   */
  async advance(): Promise<boolean> {
    const { store, settings } = this.#options;
    const job = await store.claimRedrive(settings.leaseMs);
    if (job === undefined) return false;
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      if (await this.#commit(job, await this.#decide(job))) break;
    }
    return true;
  }

  async #decide(job: StoredRedrive): Promise<Decided> {
    const { store } = this.#options;
    const { limits } = job.terms as unknown as RedriveTerms;
    const underWay = await store.listRedriveItems({ id: job.id, states: ["taken"], limit: lookMax });
    const ended = await this.#outcomesOf(underWay, limits);
    const known = withOutcomes(job.progress as unknown as RedriveProgress, {
      handled: ended.filter(({ state }) => state === "handled").length,
      failures: ended.filter(({ state }) => state !== "handled").length,
    });
    const endedOrdinals = new Set(ended.map(({ ordinal }) => ordinal));
    const open = underWay.filter(({ ordinal }) => !endedOrdinals.has(ordinal));
    if (job.status === "running" && failsTooOften(known, limits)) {
      const { failures, handled } = known;
      const statusReason = `${failures} of ${failures + handled} messages died again or were not heard of`;
      return this.#stepOf(job, {
        status: "stopped",
        statusReason,
        progress: known,
        changes: ended,
        open,
        verdicts: [],
      });
    }
    if (job.status !== "running") {
      const { status, statusReason } = job;
      return this.#stepOf(job, { status, statusReason, progress: known, changes: ended, open, verdicts: [] });
    }
    return await this.#goOn(job, { limits, known, ended, open });
  }

  /** Takes what may be taken now. */
  async #goOn(
    job: StoredRedrive,
    { limits, known, ended, open }: {
      readonly limits: RedriveLimits;
      readonly known: RedriveProgress;
      readonly ended: readonly RedriveItemChange[];
      readonly open: readonly StoredRedriveItem[];
    },
  ): Promise<Decided> {
    const { store, settings } = this.#options;
    const waiting = await store.listRedriveItems({ id: job.id, states: ["waiting"], limit: lookMax });
    if (waiting.length === 0 && open.length === 0) {
      return this.#stepOf(job, {
        status: "done",
        statusReason: "",
        progress: known,
        changes: ended,
        open,
        verdicts: [],
      });
    }
    const isOver = open.length === 0 && known.batchLeft === 0;
    const progress = isOver && waiting.length > 0 ? nextBatch(known, limits) : known;
    const perLook = Math.max(1, Math.floor(limits.ratePerSecond * settings.redriveEveryMs / 1_000));
    const chosen = portionOf(waiting, open.map(({ correlation }) => correlation), {
      countMax: Math.min(progress.batchLeft, perLook),
      perCorrelationMax: limits.perCorrelationMax,
    });
    const { verdicts, gone } = await this.#judge(chosen);
    const takes = verdicts.filter(({ why }) => why === "").length;
    const ordinals = new Map(chosen.map(({ letterId, ordinal }) => [letterId, ordinal]));
    const changes = verdicts.map(({ letter, why, detail }): RedriveItemChange => {
      const ordinal = ordinals.get(letter.id)!;
      return why === ""
        ? { ordinal, state: "taken", why: "", detail: "", batch: progress.batch }
        : { ordinal, state: "refused", why, detail };
    });
    return this.#stepOf(job, {
      status: "running",
      statusReason: "",
      // When nothing waits any more the batch is as large as it gets.
      progress: { ...progress, batchLeft: waiting.length === 0 ? 0 : progress.batchLeft - takes },
      changes: [...ended, ...changes, ...gone],
      open,
      verdicts,
      waitMs: Math.max(settings.redriveEveryMs, takes * 1_000 / limits.ratePerSecond),
    });
  }

  /** Whether a letter may be taken is asked again when it is: others have acted meanwhile. */
  async #judge(items: readonly StoredRedriveItem[]) {
    const { store, judge } = this.#options;
    const letters = await Promise.all(items.map(({ letterId }) => store.findDeadLetter(letterId)));
    const found = letters.filter((letter) => letter !== undefined);
    const gone = items.filter((_, at) => letters[at] === undefined).map(({ ordinal }): RedriveItemChange => {
      return { ordinal, state: "refused", why: "not-dead", detail: "it is not there any more" };
    });
    return { verdicts: found.length === 0 ? [] : await judge.judge(found), gone };
  }

  async #outcomesOf(
    underWay: readonly StoredRedriveItem[],
    { outcomeWithinMs }: RedriveLimits,
  ): Promise<readonly RedriveItemChange[]> {
    if (underWay.length === 0) return [];
    const { store, judge } = this.#options;
    const letters = await Promise.all(underWay.map(({ letterId }) => store.findDeadLetter(letterId)));
    const fates = await judge.fates(letters.filter((letter) => letter !== undefined));
    const byLetter = new Map(fates.map((fate) => [fate.letterId, fate]));
    const latestMs = await store.nowMs() - outcomeWithinMs;
    return underWay.flatMap((item) => outcomeOf(item, byLetter.get(item.letterId), latestMs) ?? []);
  }

  #stepOf(
    { id, revision }: StoredRedrive,
    { status, statusReason, progress, changes, open, verdicts, waitMs = this.#options.settings.redriveEveryMs }: {
      readonly status: RedriveStatus;
      readonly statusReason: string;
      readonly progress: RedriveProgress;
      readonly changes: readonly RedriveItemChange[];
      /** Still under way from before. */
      readonly open: readonly StoredRedriveItem[];
      readonly verdicts: readonly Verdict[];
      readonly waitMs?: number;
    },
  ): Decided {
    const letters = verdicts.filter(({ why }) => why === "").map(({ letter }) => letter);
    const isObserved = status === "running" || open.length > 0;
    const step: RedriveStep = {
      id,
      revision,
      status,
      statusReason,
      progress: { ...progress },
      nextInMs: isObserved ? Math.round(waitMs) : null,
      items: changes,
      letterIds: letters.map((letter) => letter.id),
    };
    return { step, letters };
  }

  /** @returns Whether there is nothing more to try: it was committed, or the job belongs to somebody else now. */
  #commit(job: StoredRedrive, { step, letters }: Decided): Promise<boolean> {
    const { service, store, loop, publisher, systemLog, databaseClock, onTaken } = this.#options;
    return loop.exclusively(async () => {
      const { by } = job.terms as unknown as RedriveTerms;
      const events = letters.length === 0 ? [] : [operatorActed(service, {
        action: "dead-letter-redriven",
        reason: job.reason,
        subjects: [job.id, ...step.letterIds],
      })];
      if (step.status !== job.status) events.push(this.#endOf(job, step));
      // Its end comes of itself; what it takes was ordered by somebody.
      const cause = letters.length === 0 ? { subject: `service:${service}`, via: service } : by;
      const act = await logged(this.#options, events, cause);
      const outbox = letters.map((letter) => redriveEntry(this.#options, letter));
      const writes = { ...act.writes, outbox: [...outbox, ...act.writes.outbox] };
      const result = await store.advanceRedrive(step, writes);
      if (result.outcome === "conflict") {
        systemLog.forget();
        return result.stale.includes(job.id);
      }
      databaseClock.observe(result.nowMs);
      act.committed();
      publisher.enqueue(writes.outbox);
      return true;
    }).finally(() => {
      if (letters.length > 0) onTaken();
    });
  }

  #endOf(job: StoredRedrive, { status, statusReason, items }: RedriveStep) {
    const { service } = this.#options;
    const counts = { ...job.counts };
    for (const { state } of items) counts[state] += 1;
    counts.taken -= items.filter(({ state }) => state !== "taken" && state !== "refused").length;
    const outcome = `${counts.handled} handled, ${counts["dead-again"]} dead again, ${counts.unknown} unknown, ` +
      `${counts.refused} refused`;
    const reason = statusReason === "" ? outcome : `${statusReason}; ${outcome}`;
    return operatorActed(service, { action: `redrive-${status}`, reason, subjects: [job.id] });
  }

  async #untilHintedOr(waitMs: number, signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const hinted = new Promise<void>((resolve) => this.#wake = resolve);
    await Promise.race([hinted, this.#options.clock.delay(waitMs, AbortSignal.any([signal, end.signal]))]);
    end.abort("hinted");
  }
}

/** @returns `undefined` while nobody knows. */
function outcomeOf(
  { ordinal, takenAtMs }: StoredRedriveItem,
  fate: LetterFate | undefined,
  latestMs: number,
): RedriveItemChange | undefined {
  // It may have died and been handled after all, by a copy that its sender sent: what counts is that it was handled.
  if (fate?.isHandled === true) return { ordinal, state: "handled", why: "", detail: "" };
  if (fate?.later != null) {
    const { id, class: className, reason } = fate.later;
    return { ordinal, state: "dead-again", why: reason, detail: `${className}, as ${id}`, laterId: id };
  }
  if ((takenAtMs ?? 0) > latestMs) return undefined;
  return { ordinal, state: "unknown", why: "silence", detail: "nothing was heard of it in time" };
}
