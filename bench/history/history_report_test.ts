import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { Measurement } from "../compare/measure_contender.ts";
import { faultsOfHistories, historyReport } from "./history_report.ts";

function run(events: number, round: number, perSecond: number, faults: readonly string[] = []) {
  const latency = { p50Ms: 1_000 / perSecond, p99Ms: 2_000 / perSecond, maxMs: 3_000 / perSecond };
  const measurement: Measurement = {
    plan: { warmUpMs: 0, measureMs: 1_000, inFlight: 64 },
    result: { started: perSecond, finished: perSecond, elapsedMs: 1_000, latency, isBehind: false, faults },
    perSecond,
    cpuPerSagaMs: { broker: 1, database: 2, services: 3, driver: 4 },
    coresBusy: 1.5,
    machineCoresBusy: 1.6,
    residentBytes: 500_000_000,
  };
  return { events, round, measurement };
}

Deno.test("the long history is divided by the short one of its own round", () => {
  const runs = [run(10, 1, 100), run(100, 1, 90), run(10, 2, 50), run(100, 2, 50)];
  assertEquals(historyReport(runs, [10, 100]).split("\n").slice(2).map((line) => line.split("|")[2]?.trim()), [
    "75 [50-100]",
    "70 [50-90]",
    "0.95 [0.90-1.00]",
  ]);
});

Deno.test("a run with faults is told and not counted", () => {
  const runs = [run(10, 1, 100), run(100, 1, 900, ["one saga is missing"]), run(10, 2, 50), run(100, 2, 50)];
  assertEquals(historyReport(runs, [10, 100]).split("\n").slice(3, 5).map((line) => line.split("|")[2]?.trim()), [
    "50",
    "1.00",
  ]);
  assertEquals(faultsOfHistories(runs), ["round 1 with 100 events: one saga is missing"]);
});
