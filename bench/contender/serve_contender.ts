import { createInterface } from "node:readline";
import process from "node:process";
import type { Contender, OpenContender } from "./contender.ts";
import { loadClock } from "./load_clock.ts";
import type { Order, Report, Work } from "./protocol.ts";
import { runLoad } from "./run_load.ts";

/**
 * Runs a contender as this process: takes orders from standard input until it is told to stop or nobody is there any more.
 *
 * @param open Starts the contender.
 */
export async function serveContender(open: OpenContender): Promise<void> {
  let contender: Contender | undefined;
  let sagas = 0;
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      const order = JSON.parse(line) as Order;
      if ("stop" in order) break;
      if ("setup" in order) {
        contender = await open(order.setup);
        say({ ready: { processes: contender.processes } });
      } else {
        if (contender === undefined) throw new Error("Cannot run a load: there was no setup");
        const { runSaga } = contender;
        const measuring = (what: "begin" | "end") => say({ measuring: what });
        const readWork = "count" in order ? await contender.countWork?.() : undefined;
        const plan = "count" in order ? order.count : order.run;
        const result = await runLoad(plan, { clock: loadClock, runSaga, measuring });
        sagas += result.started;
        const faults = [...result.faults, ...await contender.judge(sagas)];
        const work = await readWork?.();
        say({ result: { ...result, faults, ...(work === undefined ? {} : { work: perSaga(work, result.started) }) } });
      }
    }
  } catch (error) {
    say({ failed: error instanceof Error ? error.stack ?? error.message : String(error) });
  }
  await contender?.stop();
  process.exit(0);
}

function perSaga(work: Work, sagas: number): Work {
  return Object.fromEntries(Object.entries(work).map(([name, count]) => [name, count / sagas]));
}

function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
