/**
 * The long form of the crash tests: every part is killed by itself under orders, several times. After each time all orders
 * must have ended and every invariant must hold. Prints a table for `docs/reliability.md`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { withShop } from "../e2e/harness/mod.ts";
import type { Tally } from "../e2e/invariants/mod.ts";
import { allFaults } from "./faults.ts";
import { type Blow, endLimitMs, inFlightMin, Ordeal, ordealOptions, type Outcome } from "./ordeal.ts";
import { tableOf, worstOf } from "./report.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" }, only: { type: "string" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
  console.error(`Cannot run ${values.rounds} rounds: give a whole number from 1 to 100`);
  Deno.exit(2);
}
const only = values.only?.split(",");

const blows: Blow[] = [];
const isWell = await withShop(ordealOptions, async (test) => {
  const faults = allFaults(test).filter(({ name }) => only?.includes(name) ?? true);
  await using ordeal = await Ordeal.begin(test);
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
});
Deno.exit(isWell ? 0 : 1);

function isGood({ violations, blows }: Outcome): boolean {
  for (const { rule, what } of violations) console.error(`${rule}: ${what}`);
  const late = blows.filter(({ endedAfterMs }) => endedAfterMs >= endLimitMs);
  for (const { fault, endedAfterMs } of late) console.error(`${fault}: an order ended only after ${endedAfterMs} ms`);
  const idle = blows.filter(({ inFlight }) => inFlight < inFlightMin);
  for (const { fault, inFlight } of idle) console.error(`${fault}: only ${inFlight} orders were in flight`);
  return violations.length + late.length + idle.length === 0;
}
