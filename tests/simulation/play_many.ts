import { setTimeout } from "node:timers";
import { playSchedule, type ScheduleOptions, type ScheduleResult } from "./shop_schedule.ts";
import type { Task } from "./task.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** Which schedules to play. */
export interface ManyOptions {
  readonly pool: Pick<WorkerPool, "run" | "places">;
  readonly fromSeed: number;
  readonly count: number;
  readonly orders: number;
  /** Name of a mistake to plant. */
  readonly bug?: string;
  /** Ends it early; asked before more schedules are begun. */
  readonly isOver?: () => boolean;
  /** Hears of every schedule in the order of the seeds, whoever has played it. */
  readonly onResult: (result: ScheduleResult) => void;
}

/** Schedules that one worker plays before it asks for more: few, as the others wait for the last piece of a run. */
const pieceCount = 4;

/**
 * Plays schedules, several at a time where there are several workers, and ends with the first seed that breaks a rule: the
 * same one with any number of workers.
 */
export async function playMany(options: ManyOptions): Promise<ScheduleResult | undefined> {
  const { pool, fromSeed, count, orders, bug, isOver, onResult } = options;
  const end = fromSeed + count;
  const underway: ReturnType<typeof play>[] = [];
  const play = (seed: number) => {
    const piece = { kind: "play", fromSeed: seed, count: Math.min(pieceCount, end - seed), orders } as const;
    const played = pool.run<"play">(bug === undefined ? piece : { ...piece, bug } satisfies Task);
    // Whoever waits for it hears of it; after an earlier failure nobody does.
    played.catch(() => {});
    return played;
  };
  let seed = fromSeed;
  for (;;) {
    while (underway.length < 2 * pool.places && seed < end && isOver?.() !== true) {
      underway.push(play(seed));
      seed += pieceCount;
    }
    const next = underway.shift();
    if (next === undefined) return undefined;
    for (const result of (await next).results) {
      onResult(result);
      if (result.violations.length > 0) return result;
    }
  }
}

/** Plays one schedule from a timer, as {@link playSchedule} wants it. */
export function playOne(options: ScheduleOptions): Promise<ScheduleResult> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      // Faults are errors by the hundred, and nobody looks where they came from.
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 0;
      try {
        resolve(playSchedule(options));
      } catch (error) {
        reject(error);
      } finally {
        Error.stackTraceLimit = stackTraceLimit;
      }
    }, 0);
  });
}
