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
import { amnesiaOptions, amnesiaText, endureAmnesia } from "./amnesia.ts";
import { allFaults, type Fault } from "./faults.ts";
import { type Blow, endLimitMs, inFlightMin, Ordeal, type Outcome } from "./ordeal.ts";
import { ordealOptions } from "./ordeal_options.ts";
import { measureRecovery, type Recovery } from "./recovery.ts";
import { barOf, recoveryTable } from "./recovery_report.ts";
import { tableOf, worstOf } from "./report.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string" },
    amnesia: { type: "string" },
    recovery: { type: "boolean", default: false },
    write: { type: "string" },
  },
});
Deno.exit(await (values.amnesia === undefined ? runRounds() : runAmnesia()) ? 0 : 1);

/** Kills every part by itself, or those of `--only`. */
async function runRounds(): Promise<boolean> {
  const rounds = wholeNumber("rounds", values.rounds, 100);
  const only = values.only?.split(",");
  return await withShop(ordealOptions, async (test) => {
    const faults = allFaults(test).filter(({ name }) => only?.includes(name) ?? true);
    await using ordeal = await Ordeal.begin(test);
    return values.recovery
      ? await measure(test, ordeal, { faults, rounds })
      : await endureAll(ordeal, { faults, rounds });
  });
}

interface Rounds {
  readonly faults: readonly Fault[];
  readonly rounds: number;
}

async function endureAll(ordeal: Ordeal, { faults, rounds }: Rounds): Promise<boolean> {
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
async function measure(test: TestShop, ordeal: Ordeal, { faults, rounds }: Rounds): Promise<boolean> {
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

/** Takes everything from the broker in the middle of so many orders. */
async function runAmnesia(): Promise<boolean> {
  const count = wholeNumber("amnesia", values.amnesia!, 100_000);
  return await withShop(amnesiaOptions, async (test) => {
    const outcome = await endureAmnesia(test, count, (line) => console.log(line));
    console.log(`\n${amnesiaText(outcome)}`);
    for (const { rule, what } of outcome.violations) console.error(`${rule}: ${what}`);
    const isLate = outcome.endedAfterMs >= endLimitMs;
    if (isLate) console.error(`An order ended only ${outcome.endedAfterMs} ms after the redrive`);
    return outcome.violations.length === 0 && outcome.exitCode === 0 && !isLate;
  });
}

function wholeNumber(option: string, text: string, max: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= max) return number;
  console.error(`Cannot run --${option} ${text}: give a whole number from 1 to ${max}`);
  Deno.exit(2);
}

function isGood({ violations, blows }: Outcome): boolean {
  for (const { rule, what } of violations) console.error(`${rule}: ${what}`);
  const late = blows.filter(({ endedAfterMs }) => endedAfterMs >= endLimitMs);
  for (const { fault, endedAfterMs } of late) console.error(`${fault}: an order ended only after ${endedAfterMs} ms`);
  const idle = blows.filter(({ inFlight }) => inFlight < inFlightMin);
  for (const { fault, inFlight } of idle) console.error(`${fault}: only ${inFlight} orders were in flight`);
  return violations.length + late.length + idle.length === 0;
}
