import { systemClock } from "@mesh/base";
import { bugs } from "./bugs/mod.ts";
import { hunt } from "./hunt.ts";
import { playOne } from "./play_many.ts";
import type { ScheduleResult } from "./shop_schedule.ts";
import { type ShopPlan, shopPlans } from "./shop_services.ts";

/** A piece of work that any process of a run can do; plain data, so that it can be sent. */
export type Task =
  | {
    readonly kind: "play";
    readonly fromSeed: number;
    readonly count: number;
    readonly orders: number;
    /** Name of a mistake to plant. */
    readonly bug?: string;
  }
  | { readonly kind: "hunt"; readonly bug: string; readonly seedsMax: number };

/** What became of it. */
export type TaskResult =
  | { readonly kind: "play"; readonly results: readonly ScheduleResult[] }
  | { readonly kind: "hunt"; readonly seeds: number | undefined; readonly rule: string; readonly seconds: number };

/** Does a piece of work; a piece of schedules ends with the first that breaks a rule. */
export async function performTask(task: Task): Promise<TaskResult> {
  const found = bugs.find(({ name }) => name === task.bug);
  if (task.kind === "hunt") {
    const startedMs = systemClock.monotonicMs();
    const { seeds, rule } = await hunt(found!, task.seedsMax, plansMade());
    return { kind: "hunt", seeds, rule, seconds: (systemClock.monotonicMs() - startedMs) / 1000 };
  }
  const { fromSeed, count, orders } = task;
  const results: ScheduleResult[] = [];
  for (let seed = fromSeed; seed < fromSeed + count && (results.at(-1)?.violations.length ?? 0) === 0; seed += 1) {
    const planted = found === undefined ? {} : { bug: found };
    results.push(await playOne({ seed, orders, plans: plansMade(), ...planted }));
  }
  return { kind: "play", results };
}

let plans: readonly ShopPlan[] | undefined;

/** Plans are slow to make, hence made once, and only where something is played. */
function plansMade(): readonly ShopPlan[] {
  return plans ??= shopPlans();
}
