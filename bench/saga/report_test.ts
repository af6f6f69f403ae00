import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { Measurement } from "./measure_load.ts";
import { jsonReport, markdownReport } from "./report.ts";

const latency = { p50Ms: 10, p99Ms: 20, maxMs: 30 };
const measurement: Measurement = {
  load: { orders: 2, inFlight: 1 },
  placed: [1, 2].map((number) => ({ orderId: `${number}`, sku: "A", end: "", acceptedMs: 1, endedMs: 10 })),
  ordersPerSecond: 123.45,
  accepted: latency,
  ended: latency,
  settledMs: 5,
  turns: { orders: { turns: 2, messages: 4, batchSize: 2 }, users: { turns: 0, messages: 0, batchSize: undefined } },
  cpuPerOrderMs: { broker: 1, database: 2, orders: 3, users: 0.5, simulators: 4, customers: 5 },
  coresBusy: 1.5,
};
const result = { machine: "2 cores", measurements: [measurement, measurement], faults: [] };
const cellsOf = (text: string) => text.split("\n").map((line) => line.replaceAll(/\s+/g, " "));

Deno.test("loads stand side by side, services are added up", () => {
  const lines = cellsOf(markdownReport(result));
  assertEquals(
    [lines.includes("| confirmed per second | 123.5 | 123.5 |"), lines.includes("| all services | 3.50 | 3.50 |")],
    [true, true],
  );
  assertEquals(lines.filter((line) => /^\| (orders|users)/.test(line)).slice(0, 2), [
    "| orders | 2.0 (2.0 per order) | 2.0 (2.0 per order) |",
    "| users | no turn | no turn |",
  ]);
});

Deno.test("a wrong run says so in words and as data", () => {
  const wrong = { ...result, faults: ["1 dead letters"] };
  assertEquals(cellsOf(markdownReport(wrong)).includes("- 1 dead letters"), true);
  assertEquals(JSON.parse(jsonReport(wrong)).isExact, false);
});
