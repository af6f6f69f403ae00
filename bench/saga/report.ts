import { customersGroup } from "./cpu_time.ts";
import { markdownTable } from "../figures/markdown_table.ts";
import type { Measurement } from "./measure_load.ts";

/** What was measured, on what. */
export interface BenchResult {
  readonly machine: string;
  readonly measurements: readonly Measurement[];
  /** Empty when every order, unit and cent is where it belongs. */
  readonly faults: readonly string[];
}

/** Figures as a machine reads them; single orders are left out. */
export function jsonReport({ machine, measurements, faults }: BenchResult): string {
  return JSON.stringify(
    {
      machine,
      isExact: faults.length === 0,
      faults,
      measurements: measurements.map(({ placed: _placed, ...figures }) => figures),
    },
    null,
    2,
  );
}

/** Figures as people read them, in Markdown. */
export function markdownReport({ machine, measurements, faults }: BenchResult): string {
  const heads = measurements.map(({ load }) => `${load.inFlight} in flight`);
  const rows = (of: (measurement: Measurement) => readonly (readonly [name: string, cell: string])[]) =>
    transposed(measurements.map(of));
  return [
    `${machine}. ${
      measurements.map(({ load }) => load.orders).join(" and ")
    } orders of one line each, placed over HTTP.`,
    "",
    markdownTable(["Orders", ...heads], rows(figuresOf)),
    "",
    markdownTable(["Messages per turn", ...heads], rows(batchesOf)),
    "",
    markdownTable(["Processor, ms per order", ...heads], rows(cpuOf)),
    "",
    faults.length === 0
      ? "Checked afterwards: every order confirmed, stock and captures exact, nothing dead, nothing under way."
      : `**The run does not count:**\n\n${faults.map((fault) => `- ${fault}`).join("\n")}`,
    "",
  ].join("\n");
}

type Rows = readonly (readonly [name: string, cell: string])[];

function figuresOf({ ordersPerSecond, accepted, ended, settledMs, coresBusy }: Measurement): Rows {
  return [
    ["confirmed per second", ordersPerSecond.toFixed(1)],
    ["request to confirmed, p50 / p99 ms", `${ended.p50Ms.toFixed(0)} / ${ended.p99Ms.toFixed(0)}`],
    ["request to 202, p50 / p99 ms", `${accepted.p50Ms.toFixed(0)} / ${accepted.p99Ms.toFixed(0)}`],
    ["all quiet after the last, ms", settledMs.toFixed(0)],
    ["cores busy", coresBusy.toFixed(2)],
  ];
}

function batchesOf({ turns, placed }: Measurement): Rows {
  return Object.entries(turns).map(([name, { batchSize, messages }]) => {
    const perOrder = (messages / placed.length).toFixed(1);
    return [name, batchSize === undefined ? "no turn" : `${batchSize.toFixed(1)} (${perOrder} per order)`];
  });
}

function cpuOf({ cpuPerOrderMs }: Measurement): Rows {
  const outside = new Set(["broker", "database", "simulators", customersGroup]);
  const entries = Object.entries(cpuPerOrderMs);
  const services = entries.filter(([name]) => !outside.has(name)).reduce((sum, [, millis]) => sum + millis, 0);
  return [
    ["all services", services.toFixed(2)],
    ...entries.map(([name, millis]) => [name, millis.toFixed(2)] as const),
  ];
}

/** Rows of several measurements side by side; all have the same names. */
function transposed(columns: readonly Rows[]): readonly (readonly string[])[] {
  const [first = []] = columns;
  return first.map(([name], at) => [name, ...columns.map((column) => column[at]?.[1] ?? "")]);
}
