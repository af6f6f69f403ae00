import { processGroups } from "../contender/protocol.ts";
import { markdownTable } from "../figures/markdown_table.ts";
import { ratioSpread, spreadOf, spreadText } from "../figures/spread.ts";
import type { HistoryRun } from "./compare_histories.ts";

type Figure = (run: HistoryRun) => number | undefined;

type Column = readonly [head: string, digits: number, figure: Figure];

/** Processor time is per saga. */
const columns: readonly Column[] = [
  ["sagas/s", 0, ({ measurement }) => measurement.perSecond],
  ["p50 ms", 0, ({ measurement }) => measurement.result.latency?.p50Ms],
  ["p99 ms", 0, ({ measurement }) => measurement.result.latency?.p99Ms],
  ...processGroups.map((group): Column => [`${group} ms`, 2, ({ measurement }) => measurement.cpuPerSagaMs[group]]),
  ["cores of others", 2, ({ measurement }) => Math.max(0, measurement.machineCoresBusy - measurement.coresBusy)],
  ["all ms", 2, ({ measurement: { cpuPerSagaMs } }) => Object.values(cpuPerSagaMs).reduce((a, b) => a + b, 0)],
];

/**
 * Writes the figures of both histories in Markdown, and below them those of the longer one divided by those of the shorter
 * one in the same round.
 */
export function historyReport(runs: readonly HistoryRun[], [short, long]: readonly [number, number]): string {
  const counted = runs.filter(({ measurement }) => measurement.result.faults.length === 0);
  const byRound = (events: number, figure: Figure) =>
    new Map(counted.flatMap((run) => {
      const value = run.events === events ? figure(run) : undefined;
      return value === undefined ? [] : [[run.round, value] as const];
    }));
  const rowOf = (events: number) => [
    `${events.toLocaleString("en")} events`,
    ...columns.map(([, digits, figure]) => spreadText(spreadOf([...byRound(events, figure).values()]), digits)),
  ];
  const ratios = columns.map(([, , figure]) =>
    spreadText(ratioSpread(byRound(long, figure), byRound(short, figure)), 2)
  );
  return [
    markdownTable(["in the books before", ...columns.map(([head]) => head)], [
      rowOf(short),
      rowOf(long),
      ["long ÷ short", ...ratios],
    ]),
    ...faultsOfHistories(runs).map((fault) => `\n**Does not count:** ${fault}`),
  ].join("\n");
}

/** @returns What is wrong; empty when every saga has ended as it must in every run. */
export function faultsOfHistories(runs: readonly HistoryRun[]): readonly string[] {
  return runs.flatMap(({ events, round, measurement }) =>
    measurement.result.faults.map((fault) => `round ${round} with ${events} events: ${fault}`)
  );
}
