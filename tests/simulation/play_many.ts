import { setTimeout } from "node:timers";
import { playSchedule, type ScheduleOptions, type ScheduleResult } from "./shop_schedule.ts";

/** Which schedules to play. */
export interface ManyOptions extends Omit<ScheduleOptions, "seed"> {
  readonly fromSeed: number;
  readonly count: number;
  /** Ends it early; asked before each schedule. */
  readonly isOver?: () => boolean;
  readonly onResult: (result: ScheduleResult) => void;
}

/** Plays schedules one after the other, each from a timer, and ends after the first that breaks a rule. */
export async function playMany(options: ManyOptions): Promise<ScheduleResult | undefined> {
  const { fromSeed, count, isOver, onResult, ...common } = options;
  for (let seed = fromSeed; seed < fromSeed + count && isOver?.() !== true; seed += 1) {
    const result = await playOne({ ...common, seed });
    onResult(result);
    if (result.violations.length > 0) return result;
  }
  return undefined;
}

/** Plays one schedule from a timer, as {@link playSchedule} wants it. */
export function playOne(options: ScheduleOptions): Promise<ScheduleResult> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(playSchedule(options));
      } catch (error) {
        reject(error);
      }
    }, 0);
  });
}
