import { errorText } from "@mesh/base";
import type { Work } from "../contender/protocol.ts";
import type { ContenderSpec } from "./contender_list.ts";
import { type LoadDurations, type LoadName, planLoad } from "./load_plans.ts";
import { type Arena, type Measurement, openContender } from "./measure_contender.ts";

/** What is to be measured. */
export interface RoundsPlan {
  readonly contenders: readonly ContenderSpec[];
  readonly loads: readonly LoadName[];
  readonly durations: LoadDurations;
  /** Runs of each contender. */
  readonly rounds: number;
}

/** What became of one contender under one load in one round. */
export interface Outcome {
  readonly contender: string;
  readonly load: LoadName;
  /** From 1. */
  readonly round: number;
  /** Absent where the load was more than the contender can do, and where nothing came of it. */
  readonly measurement?: Measurement;
  /** What was done for a saga under the same load; only in the first round of a contender that can tell. */
  readonly work?: Work;
  /** Why it does not count; empty for a run that does. */
  readonly faults: readonly string[];
}

/**
 * Runs all contenders round by round, so that what else the machine does meets all of them alike. Only one of them is
 * there at any time.
 */
export async function runRounds(arena: Arena, plan: RoundsPlan): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const contender of plan.contenders) {
      if (arena.signal.aborted) return outcomes;
      outcomes.push(...await runContender(arena, plan, { contender, round }));
    }
  }
  return outcomes;
}

async function runContender(
  arena: Arena,
  { loads, durations, rounds }: RoundsPlan,
  { contender, round }: { readonly contender: ContenderSpec; readonly round: number },
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const note = (load: LoadName, rest: Pick<Outcome, "measurement" | "work" | "faults">) => {
    outcomes.push({ contender: contender.name, load, round, ...rest });
    arena.log(`round ${round}/${rounds} ${contender.name} ${load}: ${outcomeText(rest)}`);
  };
  let saturationPerSecond: number | undefined;
  try {
    await using opened = await openContender(arena, contender);
    for (const load of loads) {
      const facts = {
        inFlight: contender.inFlight,
        ...(saturationPerSecond === undefined ? {} : { saturationPerSecond }),
      };
      const plan = planLoad(load, durations, facts);
      if (plan === undefined) {
        note(load, { faults: [] });
        continue;
      }
      const measurement = await opened.measure(plan);
      if (load === "saturation") saturationPerSecond = measurement.perSecond;
      const { faults, finished, isBehind } = measurement.result;
      const isIdle = faults.length === 0 && finished === 0 && !isBehind;
      const all = isIdle ? ["no saga ended within the measurement"] : faults;
      const isCounted = contender.countsWork === true && round === 1 && all.length === 0 && !isBehind;
      const work = isCounted ? await opened.count(plan) : undefined;
      note(load, { measurement, faults: all, ...(work === undefined ? {} : { work }) });
      // What is wrong stays wrong: the next load would be judged by the same books.
      if (all.length > 0) break;
    }
  } catch (error) {
    const load = loads.find((each) => !outcomes.some((outcome) => outcome.load === each)) ?? loads[0]!;
    note(load, { faults: [errorText(error)] });
  }
  return outcomes;
}

function outcomeText({ measurement, faults }: Pick<Outcome, "measurement" | "faults">): string {
  if (faults.length > 0) return `does not count: ${faults.join("; ")}`;
  if (measurement === undefined || measurement.result.isBehind) return "does not keep up";
  const { perSecond, result: { latency }, coresBusy, machineCoresBusy } = measurement;
  const times = `p50 ${latency?.p50Ms.toFixed(1)} ms, p99 ${latency?.p99Ms.toFixed(1)} ms`;
  return `${perSecond.toFixed(1)}/s, ${times}, ${coresBusy.toFixed(2)} of ${machineCoresBusy.toFixed(2)} cores busy`;
}
