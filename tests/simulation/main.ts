/**
 * Plays schedules of the simulated shop: `deno task sim --seeds 1000 --seed 1`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { errorText, systemClock } from "@mesh/base";
import process from "node:process";
import { bugs } from "./bugs/mod.ts";
import { bugTable, huntAll, writeBugTable } from "./hunt.ts";
import { playMany, playOne } from "./play_many.ts";
import type { ScheduleOptions, ScheduleResult } from "./shop_schedule.ts";
import { shopPlans } from "./shop_services.ts";
import { type StoryLine, storyOf } from "./story.ts";
import { addToTally, emptyTally, findIdleness, orderCount, tallyText } from "./tally.ts";
import { WorkerPool } from "./worker_pool.ts";

const help = `Plays seeded schedules of the shop's services under faults and checks the invariants.

  deno task sim [options]

  --seeds N      schedules to play (1000)
  --seconds N    ends after so many seconds, whatever --seeds says
  --seed S       first seed (1)
  --jobs N       plays on N cores (all of them); what comes out is the same
  --orders N     orders per schedule (20)
  --bug NAME     plants one mistake; --bug list names them
  --story        plays one seed and tells everything that happened
  --about TEXT   with --story: only lines that name TEXT, an order or a message
  --bugs         plants every mistake in turn and says how many seeds each takes (--seeds: at most so many)
  --only A,B     with --bugs: only these
  --write        with --bugs: writes the table into docs/reliability.md

Exit code 0 if every invariant held, 1 if one did not, 2 for wrong options. A failing seed is played a second time: its
trace hash must be the same, and its story is told.`;

const options = {
  seeds: { type: "string", default: "1000" },
  seconds: { type: "string" },
  seed: { type: "string", default: "1" },
  jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
  orders: { type: "string", default: "20" },
  bug: { type: "string" },
  story: { type: "boolean", default: false },
  about: { type: "string" },
  bugs: { type: "boolean", default: false },
  only: { type: "string" },
  write: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  let values: ReturnType<typeof readOptions>;
  try {
    values = readOptions(args);
  } catch (error) {
    console.error(`${errorText(error)}\n\n${help}`);
    return 2;
  }
  if (values.help) return say(help, 0);
  if (values.bug === "list") return say(bugs.map(({ name, what }) => `${name.padEnd(34)} ${what}`).join("\n"), 0);
  const bug = bugs.find(({ name }) => name === values.bug);
  if (values.bug !== undefined && bug === undefined) {
    return say(`Cannot plant "${values.bug}": --bug list names those that there are`, 2);
  }
  if (values.bugs) return await hunt(values);
  const schedule = {
    orders: values.orders,
    plans: shopPlans(),
    ...(bug === undefined ? {} : { bug }),
  };
  if (values.story) return await tellOne({ ...schedule, seed: values.seed }, values.about);
  return await play(schedule, values);
}

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options });
  const whole = (name: string, text: string) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0) throw new RangeError(`Cannot read --${name} "${text}": no whole number`);
    return value;
  };
  return {
    ...values,
    seeds: whole("seeds", values.seeds),
    seed: whole("seed", values.seed),
    jobs: Math.max(1, whole("jobs", values.jobs)),
    orders: whole("orders", values.orders),
    seconds: values.seconds === undefined ? Infinity : whole("seconds", values.seconds),
  };
}

async function play(
  schedule: Omit<ScheduleOptions, "seed">,
  { seeds, seconds, seed, jobs, bug }: Pick<
    ReturnType<typeof readOptions>,
    "seeds" | "seconds" | "seed" | "jobs" | "bug"
  >,
): Promise<number> {
  using pool = new WorkerPool(jobs);
  const tally = emptyTally();
  const startedMs = systemClock.monotonicMs();
  const passedS = () => (systemClock.monotonicMs() - startedMs) / 1000;
  let saidS = 0;
  const failed = await playMany({
    pool,
    fromSeed: seed,
    count: seeds,
    orders: schedule.orders,
    ...(bug === undefined ? {} : { bug }),
    isOver: () => passedS() > seconds,
    onResult: (result) => {
      addToTally(tally, result);
      if (passedS() < saidS + 10) return;
      saidS = passedS();
      const perMinute = Math.round(60 * tally.schedules / saidS);
      const line = `${tally.schedules} of ${seeds} schedules up to seed ${result.seed}, ${orderCount(tally)} orders, ` +
        `${Math.round(saidS)} s, ${perMinute} a minute`;
      console.log(line);
    },
  });
  const { user, system } = process.cpuUsage();
  console.log(tallyText(tally, { seconds: passedS(), cpuSeconds: (user + system) / 1e6, jobs }));
  if (failed !== undefined) return await tellFailure(schedule, failed);
  const complaints = findIdleness(tally);
  for (const complaint of complaints) console.log(`I20: ${complaint}`);
  console.log(complaints.length === 0 ? "no violation" : "FAILED: the run was too idle to show anything");
  return complaints.length === 0 ? 0 : 1;
}

/** Plays a failing seed again and tells its story. */
async function tellFailure(schedule: Omit<ScheduleOptions, "seed">, failed: ScheduleResult): Promise<number> {
  const lines: StoryLine[] = [];
  const again = await playOne({ ...schedule, seed: failed.seed, tell: (line) => lines.push(line) });
  for (const { rule, what } of failed.violations) console.log(`FAILED seed ${failed.seed}: ${rule}: ${what}`);
  const isSame = again.traceHash === failed.traceHash;
  console.log(`trace ${failed.traceHash}, played again ${again.traceHash}${isSame ? "" : ": NOT THE SAME"}`);
  console.log(storyOf(lines, failed.violations[0]!.what));
  console.log(`again: deno task sim --seed ${failed.seed} --story`);
  return 1;
}

async function tellOne(schedule: ScheduleOptions, about: string | undefined): Promise<number> {
  const lines: StoryLine[] = [];
  const result = await playOne({ ...schedule, tell: (line) => lines.push(line) });
  console.log(storyOf(lines, about));
  for (const { rule, what } of result.violations) console.log(`FAILED seed ${result.seed}: ${rule}: ${what}`);
  return say(`trace ${result.traceHash}, ${result.eventCount} events`, result.violations.length === 0 ? 0 : 1);
}

async function hunt(
  { seeds, write, only = "", jobs }: Pick<ReturnType<typeof readOptions>, "seeds" | "write" | "only" | "jobs">,
): Promise<number> {
  using pool = new WorkerPool(jobs);
  const chosen = bugs.filter(({ name }) => only === "" || only.split(",").includes(name));
  const seedsMax = Math.min(seeds, 2_000);
  const found = await huntAll(chosen, { seedsMax, pool, log: (line) => console.log(line) });
  if (write) await writeBugTable(found);
  const missed = found.filter((hunted) => hunted.seeds === undefined);
  console.log(bugTable(found));
  return say(`${found.length - missed.length} of ${found.length} mistakes found`, missed.length === 0 ? 0 : 1);
}

function say(text: string, exitCode: number): number {
  console.log(text);
  return exitCode;
}
