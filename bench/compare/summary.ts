import { ratioSpread, type Spread, spreadOf } from "../figures/spread.ts";
import { type ProcessGroup, processGroups, type Work } from "../contender/protocol.ts";
import { ceilingName, type ContenderSpec } from "./contender_list.ts";
import type { LoadName } from "./load_plans.ts";
import type { Measurement } from "./measure_contender.ts";
import type { Outcome } from "./run_rounds.ts";

/** What all runs of one contender under one load have shown. */
export interface Summary {
  readonly contender: string;
  /** `wrong` as soon as one run does not count, `behind` as soon as one run could not keep up. */
  readonly verdict: "counts" | "behind" | "wrong";
  readonly faults: readonly string[];
  /** Runs that the figures come from. */
  readonly runs: number;
  readonly perSecond: Spread | undefined;
  readonly p50Ms: Spread | undefined;
  readonly p99Ms: Spread | undefined;
  readonly coresBusy: Spread | undefined;
  /** Cores that others kept busy meanwhile; more than a little, and the machine was not the bench's own. */
  readonly coresForeign: Spread | undefined;
  readonly residentBytes: Spread | undefined;
  /** Processor time per saga in milliseconds: medians. */
  readonly cpuPerSagaMs: Readonly<Record<ProcessGroup, Spread | undefined>>;
  /** Figures divided by those of the ceiling in the same round. */
  readonly toCeiling: {
    readonly perSecond: Spread | undefined;
    readonly p50Ms: Spread | undefined;
    readonly p99Ms: Spread | undefined;
    readonly coresBusy: Spread | undefined;
  };
  /** What was done for a saga, where that was counted. */
  readonly work: Work | undefined;
  /** Sagas a second of the mesh divided by its own in the same round. */
  readonly meshTo: Spread | undefined;
}

type Figure = (measurement: Measurement) => number | undefined;

const perSecond: Figure = (measurement) => measurement.perSecond;
const p50Ms: Figure = ({ result }) => result.latency?.p50Ms;
const coresBusy: Figure = (measurement) => measurement.coresBusy;
const p99Ms: Figure = ({ result }) => result.latency?.p99Ms;

/** Sums up the runs under one load; contenders without any are left out. */
export function summarize(
  outcomes: readonly Outcome[],
  load: LoadName,
  contenders: readonly ContenderSpec[],
): readonly Summary[] {
  const ofLoad = outcomes.filter((outcome) => outcome.load === load);
  const runsOf = (name: string) => ofLoad.filter(({ contender }) => contender === name);
  return contenders.map(({ name }) => name).filter((name) => runsOf(name).length > 0).map((name) => {
    const runs = runsOf(name);
    const counted = runs.filter((run) => isGood(run));
    const spread = (figure: Figure) => spreadOf([...byRound(counted, figure).values()]);
    const to = (other: string, figure: Figure) => ratioSpread(byRound(counted, figure), byRound(runsOf(other), figure));
    return {
      contender: name,
      verdict: verdictOf(runs),
      faults: [...new Set(runs.flatMap(({ faults }) => faults))],
      runs: counted.length,
      perSecond: spread(perSecond),
      p50Ms: spread(p50Ms),
      p99Ms: spread(p99Ms),
      coresBusy: spread(coresBusy),
      coresForeign: spread(({ machineCoresBusy, coresBusy }) => Math.max(0, machineCoresBusy - coresBusy)),
      residentBytes: spread(({ residentBytes }) => residentBytes),
      cpuPerSagaMs: Object.fromEntries(
        processGroups.map((group) => [group, spread(({ cpuPerSagaMs }) => cpuPerSagaMs[group])]),
      ) as Record<ProcessGroup, Spread | undefined>,
      toCeiling: {
        perSecond: to(ceilingName, perSecond),
        p50Ms: to(ceilingName, p50Ms),
        p99Ms: to(ceilingName, p99Ms),
        coresBusy: to(ceilingName, coresBusy),
      },
      work: runs.find(({ work }) => work !== undefined)?.work,
      meshTo: ratioSpread(byRound(runsOf("mesh"), perSecond), byRound(counted, perSecond)),
    };
  });
}

function verdictOf(runs: readonly Outcome[]): Summary["verdict"] {
  if (runs.some(({ faults }) => faults.length > 0)) return "wrong";
  return runs.every((run) => isGood(run)) ? "counts" : "behind";
}

function isGood({ measurement, faults }: Outcome): boolean {
  return faults.length === 0 && measurement !== undefined && !measurement.result.isBehind;
}

function byRound(runs: readonly Outcome[], figure: Figure): ReadonlyMap<number, number> {
  return new Map(runs.flatMap((run) => {
    const value = isGood(run) ? figure(run.measurement!) : undefined;
    return value === undefined ? [] : [[run.round, value] as const];
  }));
}
