/**
 * The long form of the crash tests: every part is killed by itself under orders, several times. After each time all orders
 * must have ended and every invariant must hold; with `--recovery` orders go on, and how long each part takes to recover is
 * measured. Prints a table for `docs/reliability.md`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Errands } from "../crash/errands.ts";
import { withSection } from "../docs/markdown.ts";
import { type TestShop, withShop } from "../e2e/harness/mod.ts";
import type { Tally } from "../e2e/invariants/mod.ts";
import { allFaults, type Fault } from "./faults.ts";
import { type Blow, endLimitMs, inFlightMin, Ordeal, ordealOptions, type Outcome } from "./ordeal.ts";
import { measureRecovery, type Recovery } from "./recovery.ts";
import { barOf, recoveryTable } from "./recovery_report.ts";
import { tableOf, worstOf } from "./report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string" },
    recovery: { type: "boolean", default: false },
    write: { type: "string" },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
  console.error(`Cannot run ${values.rounds} rounds: give a whole number from 1 to 100`);
  Deno.exit(2);
}
const only = values.only?.split(",");

const isWell = await withShop(ordealOptions, async (test) => {
  const faults = allFaults(test).filter(({ name }) => only?.includes(name) ?? true);
  await using ordeal = await Ordeal.begin(test);
  return values.recovery ? await measure(test, ordeal, faults) : await endureAll(ordeal, faults);
});
Deno.exit(isWell ? 0 : 1);

async function endureAll(ordeal: Ordeal, faults: readonly Fault[]): Promise<boolean> {
  const blows: Blow[] = [];
  let tally: Tally | undefined;
  for (let round = 1; round <= rounds; round += 1) {
    for (const fault of faults) {
      ordeal.stream.start();
      await ordeal.endure(fault);
      const outcome = await ordeal.conclude();
      const blow = outcome.blows.at(-1)!;
      blows.push(blow);
      tally = outcome.tally;
      console.log(`round ${round}: ${JSON.stringify(blow)}`);
      if (!isGood(outcome)) return false;
    }
  }
  console.log(`\n${tableOf(worstOf(blows))}\n\n${JSON.stringify(tally)}`);
  return true;
}

/** What loses its data is mended by an operator, whose pace is not ours. */
async function measure(test: TestShop, ordeal: Ordeal, faults: readonly Fault[]): Promise<boolean> {
  const recoveries: Recovery[] = [];
  {
    await using _errands = new Errands(test);
    for (let round = 1; round <= rounds; round += 1) {
      for (const fault of faults.filter(({ name }) => name !== "rabbitmq without its data")) {
        recoveries.push(await measureRecovery(test, ordeal, fault));
        console.log(`round ${round}: ${JSON.stringify(recoveries.at(-1))}`);
      }
    }
  }
  const isSound = isGood(await ordeal.conclude());
  const table = recoveryTable(recoveries);
  console.log(`\n${table}`);
  const slow = recoveries.filter(({ fault, progressAfterMs }) => progressAfterMs > barOf(fault));
  for (const { fault, progressAfterMs } of slow) console.error(`${fault}: progress only after ${progressAfterMs} ms`);
  if (values.write !== undefined && isSound) {
    await Deno.writeTextFile(values.write, withSection(await Deno.readTextFile(values.write), "recovery", table));
  }
  return isSound && slow.length === 0;
}

function isGood({ violations, blows }: Outcome): boolean {
  for (const { rule, what } of violations) console.error(`${rule}: ${what}`);
  const late = blows.filter(({ endedAfterMs }) => endedAfterMs >= endLimitMs);
  for (const { fault, endedAfterMs } of late) console.error(`${fault}: an order ended only after ${endedAfterMs} ms`);
  const idle = blows.filter(({ inFlight }) => inFlight < inFlightMin);
  for (const { fault, inFlight } of idle) console.error(`${fault}: only ${inFlight} orders were in flight`);
  return violations.length + late.length + idle.length === 0;
}
