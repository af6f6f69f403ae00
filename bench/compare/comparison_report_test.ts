import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { comparisonReport } from "./comparison_report.ts";
import { findContender } from "./contender_list.ts";
import type { Measurement } from "./measure_contender.ts";
import type { Outcome } from "./run_rounds.ts";
import { summarize } from "./summary.ts";

const contenders = ["mesh", "ceiling", "dbos"].map((name) => findContender(name)!);

function measurement(perSecond: number, more: Partial<Measurement["result"]> = {}): Measurement {
  const latency = { p50Ms: 1_000 / perSecond, p99Ms: 2_000 / perSecond, maxMs: 3_000 / perSecond };
  return {
    plan: { warmUpMs: 0, measureMs: 1_000, inFlight: 64 },
    result: {
      started: perSecond,
      finished: perSecond,
      elapsedMs: 1_000,
      latency,
      isBehind: false,
      faults: [],
      ...more,
    },
    perSecond,
    cpuPerSagaMs: { broker: 1, database: 2, services: 3, driver: 4 },
    coresBusy: 1.5,
    machineCoresBusy: 1.6,
    residentBytes: 500_000_000,
  };
}

function outcome(contender: string, round: number, rest: Partial<Outcome>): Outcome {
  return { contender, load: "saturation", round, faults: [], ...rest };
}

const good = [
  outcome("mesh", 1, { measurement: measurement(80) }),
  outcome("ceiling", 1, { measurement: measurement(100) }),
  outcome("mesh", 2, { measurement: measurement(20) }),
  outcome("ceiling", 2, { measurement: measurement(40) }),
];

Deno.test("ratios are of one round, their median is of the ratios", () => {
  const [mesh, ceiling] = summarize(good, "saturation", contenders);
  assertEquals(mesh!.toCeiling.perSecond, { median: 0.65, min: 0.5, max: 0.8 });
  assertEquals(ceiling!.toCeiling.perSecond, { median: 1, min: 1, max: 1 });
  assertEquals([mesh!.verdict, mesh!.runs, mesh!.perSecond!.median], ["counts", 2, 50]);
});

Deno.test("a contender that was behind once does not keep up, one that was wrong once does not count", () => {
  const outcomes = [
    outcome("mesh", 1, { measurement: measurement(80, { isBehind: true }) }),
    outcome("ceiling", 1, {}),
    outcome("dbos", 1, { measurement: measurement(900), faults: ["a saga is missing"] }),
  ];
  const summaries = summarize(outcomes, "saturation", contenders);
  assertEquals(summaries.map(({ verdict, runs }) => [verdict, runs]), [["behind", 0], ["behind", 0], ["wrong", 0]]);
  assertEquals(summaries[2]!.perSecond, undefined);
});

Deno.test("the report has a table of speed and one of costs for each load, and tells what was wrong", () => {
  const outcomes = [...good, outcome("dbos", 1, { faults: ["a saga is missing"] })];
  const loads = [{ load: "saturation" as const, summaries: summarize(outcomes, "saturation", contenders) }];
  const lines = comparisonReport({ contenders, loads, circumstances: ["Machine: this one"] }).split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));
  assertEquals(lines[0], "- Machine: this one");
  assertEquals(lines.filter((line) => line.startsWith("| mesh")), [
    "| mesh | 256 | 50 [20-80] | 0.65 [0.50-0.80] | 1.00 | 31 [13-50] | 63 [25-100] | 2 |",
    "| mesh | 1.00 | 2.00 | 3.00 | 4.00 | 10.00 | 1.50 | 0.10 | 500 |",
  ]);
  assertEquals(lines.includes("- a saga is missing"), true);
});
