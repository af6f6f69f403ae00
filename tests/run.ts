/**
 * The gate: what `make test` and CI execute. `deno run -A tests/run.ts ok | sim | int | e2e | long | test | ci` runs a
 * part or all.
 *
 * Every phase runs even after a failure, so that one run shows everything that is wrong. The last line is alone and
 * reads `N passed, N failed`; the exit code is 0 only if nothing failed. It leaves no process behind.
 *
 * @module
 */
import { errorText, systemClock } from "@mesh/base";
import { findSourceFiles } from "./gate/find_files.ts";
import { leftoversOf, runMark } from "./gate/leftovers.ts";
import {
  crashPhase,
  endToEndPhase,
  type Gate,
  integrationPhase,
  longSimulationPhase,
  okPhases,
  type Phase,
  type PhaseResult,
  simulationPhases,
} from "./gate/phases.ts";
import { addCounts, closingLine, noTests, type TestCounts } from "./gate/test_counts.ts";

const testPhases = [...okPhases, ...simulationPhases, integrationPhase, endToEndPhase];
/** What CI runs besides, each a step of its own: too long for everybody's `make test`. */
const longPhases = [crashPhase, longSimulationPhase];

const parts: Readonly<Record<string, readonly Phase[]>> = {
  ok: okPhases,
  sim: simulationPhases,
  int: [integrationPhase],
  e2e: [endToEndPhase],
  long: longPhases,
  test: testPhases,
  ci: [...testPhases, ...longPhases],
};

/** 15 minutes: what a fresh machine is promised for `make test`. */
const testLimitMs = 15 * 60_000;
/** Each long phase ends well before that. */
const longLimitMs = longPhases.length * 15 * 60_000;

const startedMs = systemClock.monotonicMs();
const name = Deno.args[0] ?? "test";
const phases = parts[name];
if (phases === undefined || Deno.args.length > 1) {
  console.error(`Cannot run "${Deno.args.join(" ")}": the parts are ${Object.keys(parts).join(", ")}`);
  Deno.exit(2);
}
Deno.exit(await runGate(phases, testLimitMs + (name === "ci" || name === "long" ? longLimitMs : 0)));

async function runGate(phases: readonly Phase[], limitMs: number): Promise<number> {
  const stop = new AbortController();
  const timer = setTimeout(() => {
    console.log(`Cannot finish: ${limitMs / 60_000} minutes are over`);
    stop.abort();
  }, limitMs);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      console.log(`${signal}: ending everything`);
      stop.abort();
    });
  }
  const mark = crypto.randomUUID();
  const gate: Gate = {
    root: new URL("..", import.meta.url).pathname.replace(/\/$/, ""),
    files: await findSourceFiles(new URL("..", import.meta.url).pathname),
    signal: stop.signal,
    env: { [runMark]: mark },
    log: (line) => console.log(`   ${seconds()} ${line}`),
  };
  let counts = noTests;
  for (const phase of phases) counts = addCounts(counts, await runPhase(phase, gate));
  counts = addCounts(counts, endLeftovers(mark));
  clearTimeout(timer);
  console.log(`\n${seconds()} in all`);
  console.log(closingLine(counts));
  return counts.failed === 0 && !stop.signal.aborted ? 0 : 1;
}

async function runPhase(phase: Phase, gate: Gate): Promise<TestCounts> {
  const phaseStartedMs = systemClock.monotonicMs();
  console.log(`-- ${phase.name}`);
  const { isSuccess, counts, output } = await phase.run(gate).catch((error): PhaseResult => {
    return { isSuccess: false, counts: noTests, output: errorText(error) };
  });
  if (!isSuccess && output !== "") console.log(output.trimEnd());
  const tests = counts.passed + counts.failed === 0 ? "" : `, ${closingLine(counts)}`;
  const duration = ((systemClock.monotonicMs() - phaseStartedMs) / 1000).toFixed(1);
  console.log(`${isSuccess ? "ok" : "FAILED"} ${phase.name} (${duration} s${tests})`);
  // A phase that failed without a failed test (types, format, a run that broke off) counts as one failure.
  return isSuccess || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}

function endLeftovers(mark: string): TestCounts {
  const leftovers = leftoversOf(mark);
  for (const { pid, command } of leftovers) {
    console.log(`Process ${pid} was left behind and is ended: ${command}`);
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself just now.
    }
  }
  return { passed: 0, failed: leftovers.length === 0 ? 0 : 1 };
}

function seconds(): string {
  return `${((systemClock.monotonicMs() - startedMs) / 1000).toFixed(1)} s`;
}
