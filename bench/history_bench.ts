/**
 * `deno task bench:history`: what a long past costs.
 *
 * @module
 */
import { errorText, systemClock } from "@mesh/base";
import { machineText } from "@mesh/testing/machine";
import { openArena } from "./compare/open_arena.ts";
import { compareHistories } from "./history/compare_histories.ts";
import { faultsOfHistories, historyReport } from "./history/history_report.ts";
import { helpText, type HistoryOptions, readOptions } from "./history/options.ts";

const startedMs = systemClock.monotonicMs();
const log = (line: string) =>
  console.error(`${((systemClock.monotonicMs() - startedMs) / 1000).toFixed(0).padStart(5)} s ${line}`);

/** @returns Whether every run counts. */
async function benchMesh(options: HistoryOptions, signal: AbortSignal): Promise<boolean> {
  await using opened = await openArena([], { log, signal });
  const runs = await compareHistories(opened.arena, options);
  console.log(`${machineText()}; ${options.rounds} rounds of ${options.seconds} s, 64 sagas at once.\n`);
  console.log(`${historyReport(runs, options.events)}\n`);
  return !signal.aborted && faultsOfHistories(runs).length === 0;
}

/** The bench of a single SKU lies beside its actor, which no other member may import. */
async function benchSku({ orders, rounds, seconds }: HistoryOptions, signal: AbortSignal): Promise<boolean> {
  const program = new URL("../services/inventory/old_sku_bench.ts", import.meta.url).pathname;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--frozen", "-A", program, String(orders), String(rounds), String(seconds)],
    stdout: "inherit",
    stderr: "inherit",
    signal,
  }).output();
  return success;
}

if (import.meta.main) {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, () => stopping.abort());
  const { signal } = stopping;
  try {
    const options = readOptions(Deno.args);
    if (options === undefined) {
      console.log(helpText);
      Deno.exit(0);
    }
    const results = [];
    if (options.parts.includes("mesh")) results.push(await benchMesh(options, signal));
    if (options.parts.includes("sku") && !signal.aborted) results.push(await benchSku(options, signal));
    Deno.exit(results.every((isGood) => isGood) ? 0 : 1);
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(1);
  }
}
