import { processGroups } from "../contender/protocol.ts";
import { markdownTable } from "../figures/markdown_table.ts";
import { spreadText } from "../figures/spread.ts";
import type { ContenderSpec } from "./contender_list.ts";
import type { LoadName } from "./load_plans.ts";
import type { Summary } from "./summary.ts";

/** What a report is made of. */
export interface Comparison {
  readonly contenders: readonly ContenderSpec[];
  /** What each load has shown, in the order of the report. */
  readonly loads: readonly { readonly load: LoadName; readonly summaries: readonly Summary[] }[];
  /** Lines that say on what, when and how it was measured. */
  readonly circumstances: readonly string[];
}

type Column = readonly [head: string, cell: (summary: Summary, spec: ContenderSpec) => string];

const headings: Readonly<Record<LoadName, string>> = {
  saturation: "At saturation",
  half: "At half of its own saturation",
  200: "At 200 sagas a second",
  20: "At 20 sagas a second",
};

/** Writes the figures in Markdown. */
export function comparisonReport({ contenders, loads, circumstances }: Comparison): string {
  const sections = loads.flatMap(({ load, summaries }) =>
    summaries.length === 0 ? [] : sectionOf(load, summaries, contenders)
  );
  return [...circumstances.map((line) => `- ${line}`), "", ...sections].join("\n");
}

function sectionOf(
  load: LoadName,
  summaries: readonly Summary[],
  contenders: readonly ContenderSpec[],
): readonly string[] {
  const columns = load === "saturation" ? saturationColumns : openColumns(load);
  const faulty = summaries.filter(({ faults }) => faults.length > 0);
  return [
    `## ${headings[load]}`,
    "",
    tableOf(columns, summaries, contenders),
    "",
    tableOf(costColumns, summaries, contenders),
    "",
    ...workTable(summaries, contenders),
    ...faulty.flatMap(({ contender, faults }) => [
      `**${titleOf(contender, contenders)} has runs that do not count:**`,
      "",
      ...faults.map((fault) => `- ${fault}`),
      "",
    ]),
  ];
}

/** What is done for a saga, for those that can tell; they all count the same things. */
function workTable(summaries: readonly Summary[], contenders: readonly ContenderSpec[]): readonly string[] {
  const counted = summaries.flatMap(({ contender, work }) => work === undefined ? [] : [{ contender, work }]);
  const [first] = counted;
  if (first === undefined) return [];
  const names = Object.keys(first.work);
  const rows = counted.map(({ contender, work }) => [
    titleOf(contender, contenders),
    ...names.map((name) => work[name]?.toFixed(1) ?? "–"),
  ]);
  return [markdownTable(["done per saga", ...names], rows), ""];
}

const saturationColumns: readonly Column[] = [
  ["in flight", (_summary, { inFlight }) => String(inFlight)],
  ["sagas/s", ({ perSecond }) => spreadText(perSecond, 0)],
  ["of the ceiling", ({ toCeiling }) => spreadText(toCeiling.perSecond, 2)],
  ["mesh ÷ it", ({ meshTo }) => spreadText(meshTo, 2)],
  ["p50 ms", ({ p50Ms }) => spreadText(p50Ms, 0)],
  ["p99 ms", ({ p99Ms }) => spreadText(p99Ms, 0)],
  ["runs", ({ runs }) => String(runs)],
];

function openColumns(load: LoadName): readonly Column[] {
  const rate: readonly Column[] = load === "half" ? [["sagas/s", ({ perSecond }) => spreadText(perSecond, 0)]] : [];
  // Half of its own load differs from contender to contender, so ratios would say nothing.
  const ratios: readonly Column[] = load === "half" ? [] : [
    ["p50 ÷ ceiling", ({ toCeiling }) => spreadText(toCeiling.p50Ms, 2)],
    ["p99 ÷ ceiling", ({ toCeiling }) => spreadText(toCeiling.p99Ms, 2)],
  ];
  return [
    ...rate,
    ["p50 ms", ({ p50Ms }) => spreadText(p50Ms, 1)],
    ["p99 ms", ({ p99Ms }) => spreadText(p99Ms, 1)],
    ...ratios,
    ["runs", ({ runs }) => String(runs)],
  ];
}

const costColumns: readonly Column[] = [
  ...processGroups.map((group): Column => [
    `${group} ms`,
    ({ cpuPerSagaMs }) => cpuPerSagaMs[group]?.median.toFixed(2) ?? "–",
  ]),
  ["all ms", ({ cpuPerSagaMs }) => {
    const sum = processGroups.reduce((total, group) => total + (cpuPerSagaMs[group]?.median ?? 0), 0);
    return sum === 0 ? "–" : sum.toFixed(2);
  }],
  ["cores busy", ({ coresBusy }) => spreadText(coresBusy, 2)],
  ["of others", ({ coresForeign }) => spreadText(coresForeign, 2)],
  ["resident MB", ({ residentBytes }) => residentBytes === undefined ? "–" : (residentBytes.median / 1e6).toFixed(0)],
];

function tableOf(
  columns: readonly Column[],
  summaries: readonly Summary[],
  contenders: readonly ContenderSpec[],
): string {
  const isCost = columns === costColumns;
  const rows = summaries.map((summary) => {
    const spec = contenders.find(({ name }) => name === summary.contender)!;
    const title = isCost || summary.verdict === "counts"
      ? spec.title
      : `${spec.title} (${verdictTexts[summary.verdict]})`;
    return [title, ...columns.map(([, cell]) => cell(summary, spec))];
  });
  return markdownTable([isCost ? "processor per saga" : "contender", ...columns.map(([head]) => head)], rows);
}

const verdictTexts = { behind: "does not keep up", wrong: "**does not count**" } as const;

function titleOf(name: string, contenders: readonly ContenderSpec[]): string {
  return contenders.find((contender) => contender.name === name)?.title ?? name;
}
