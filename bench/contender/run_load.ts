import type { LoadClock } from "./load_clock.ts";
import { backlogMax, dueCount, startMsOf } from "./open_schedule.ts";
import type { LoadPlan, LoadResult } from "./protocol.ts";
import { SagaLog } from "./saga_log.ts";

/** What a load is put on. */
export interface LoadTarget {
  readonly clock: LoadClock;
  /** Runs one saga to its end. */
  runSaga(): Promise<void>;
  /** Called at the beginning and at the end of the measurement. */
  measuring(what: "begin" | "end"): void;
}

/** 20 s without a single end: something is stuck. */
const stallLimitMs = 20_000;

/**
 * Puts a load on a contender: warms up, measures, and waits until every saga has ended.
 *
 * @returns Figures of the measurement. What was written down is not looked at here.
 */
export async function runLoad(plan: LoadPlan, target: LoadTarget): Promise<LoadResult> {
  const { clock } = target;
  const log = new SagaLog();
  const stopping = new AbortController();
  const one = oneSaga(target, log);
  const stalled = watchForStall(clock, log, stopping);
  // Not waited for: the sagas of a contender that is stuck never end.
  void ("inFlight" in plan
    ? startClosed(plan.inFlight, one, stopping.signal)
    : startOpen(plan.ratePerSecond, { clock, log, one, stopping }));
  await clock.delay(plan.warmUpMs, stopping.signal);
  target.measuring("begin");
  const beginMs = clock.monotonicMs();
  await clock.delay(plan.measureMs, stopping.signal);
  target.measuring("end");
  const endMs = clock.monotonicMs();
  const isCut = stopping.signal.aborted;
  stopping.abort();
  while (log.underWay > 0 && !stalled.isStalled) await clock.delay(5);
  stalled.stop();
  const latency = log.latency("inFlight" in plan ? "endMs" : "beginMs", beginMs, endMs);
  const isBehind = "ratePerSecond" in plan && (isCut || log.countEnded(beginMs, endMs) < keptUpMin(plan));
  return {
    started: log.started,
    finished: log.countEnded(beginMs, endMs),
    elapsedMs: endMs - beginMs,
    ...(latency === undefined ? {} : { latency }),
    isBehind: isBehind && !log.isHopeless && !stalled.isStalled,
    faults: [
      ...log.faults,
      ...(stalled.isStalled ? [`no saga has ended for ${stallLimitMs} ms, ${log.underWay} are under way`] : []),
    ],
  };
}

/** 95 of 100: what ends within the measurement of what was to start in it; the rest are sagas at its edges. */
function keptUpMin({ ratePerSecond, measureMs }: { readonly ratePerSecond: number; readonly measureMs: number }) {
  return 0.95 * ratePerSecond * measureMs / 1000 - 1;
}

type OneSaga = (beginMs?: number) => Promise<void>;

function oneSaga({ clock, runSaga }: LoadTarget, log: SagaLog): OneSaga {
  return async (beginMs = clock.monotonicMs()) => {
    log.begin();
    try {
      await runSaga();
      log.end(beginMs, clock.monotonicMs());
    } catch (error) {
      log.fail(error instanceof Error ? error.message : String(error));
      // A contender that refuses at once must not be asked without end.
      await clock.delay(100);
    }
  };
}

async function startClosed(inFlight: number, one: OneSaga, stopped: AbortSignal): Promise<void> {
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (!stopped.aborted) await one();
  }));
}

async function startOpen(
  ratePerSecond: number,
  { clock, log, one, stopping }: {
    readonly clock: LoadClock;
    readonly log: SagaLog;
    readonly one: OneSaga;
    readonly stopping: AbortController;
  },
): Promise<void> {
  const schedule = { beginMs: clock.monotonicMs(), ratePerSecond };
  for (let next = 0; !stopping.signal.aborted;) {
    const nowMs = clock.monotonicMs();
    for (const due = dueCount(schedule, nowMs); next < due; next += 1) void one(startMsOf(schedule, next));
    if (log.underWay > backlogMax(schedule) || log.isHopeless) stopping.abort();
    await clock.delay(Math.max(0, startMsOf(schedule, next) - clock.monotonicMs()), stopping.signal);
  }
}

function watchForStall(clock: LoadClock, log: SagaLog, stopping: AbortController) {
  const watching = new AbortController();
  let isStalled = false;
  const watch = async () => {
    for (let before = -1; !watching.signal.aborted;) {
      const isIdle = log.underWay === 0;
      if (log.ended === before && !isIdle) {
        isStalled = true;
        stopping.abort();
        return;
      }
      before = log.ended;
      await clock.delay(stallLimitMs, watching.signal);
    }
  };
  void watch();
  return {
    get isStalled() {
      return isStalled;
    },
    stop: () => watching.abort(),
  };
}
