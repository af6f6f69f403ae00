import type { Infra } from "@mesh/testing/infra";
import { startInfra, urlFromManagement } from "@mesh/testing/infra";
import { isOurs, parseDocLint } from "./doc_lint.ts";
import type { SourceFiles } from "./find_files.ts";
import { type Command, type Outcome, runDeno } from "./run_command.ts";
import { noTests, parseCounts, simulationCounts, type TestCounts } from "./test_counts.ts";

/** What a phase may use. */
export interface Gate {
  readonly root: string;
  readonly files: SourceFiles;
  readonly signal: AbortSignal;
  /** Added to the environment of everything that is run. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

/** Result of one phase. */
export interface PhaseResult {
  readonly isSuccess: boolean;
  readonly counts: TestCounts;
  /** Shown if the phase failed; empty if it was shown while it ran. */
  readonly output: string;
}

/** One step of the gate. */
export interface Phase {
  readonly name: string;
  readonly run: (gate: Gate) => Promise<PhaseResult>;
}

/** 3 minutes for what takes seconds: a test that waits for ever ends as a failure and not as silence. */
const quickLimitMs = 3 * 60_000;
/** 7 minutes: the schedules end by themselves after less than 5, the mistakes are found within half a minute. */
const simulationLimitMs = 7 * 60_000;
/** 28 minutes: the schedules end by themselves after 25. */
const longSimulationLimitMs = 28 * 60_000;
/** 14 minutes: twice what it takes on a machine that does nothing else. */
const crashLimitMs = 14 * 60_000;
/** 12 minutes: within the 15 of the whole gate. */
const serverLimitMs = 12 * 60_000;

/** Format, lint, types, docs, unit tests, examples, laws: all that needs no server. */
export const okPhases: readonly Phase[] = [
  check("format", () => ["fmt", "--check"]),
  check("lint", () => ["lint"]),
  check("types", () => ["check", "--frozen", "."]),
  { name: "docs", run: lintDocs },
  // Types were checked above; a wrong one must not hide what the tests would say.
  tests(
    "unit tests, without permissions",
    ({ pureTests }) => ({ args: ["--no-check", "--parallel"], files: pureTests }),
  ),
  tests("laws and other tests that read the repository", ({ readingTests }) => ({
    // Parsers that look for a variable of their own are told that it is not set.
    args: ["--no-check", "--allow-read=.", "--ignore-env"],
    files: readingTests,
  })),
  tests("examples in doc comments", ({ withExamples }) => ({ args: ["--doc", "--parallel"], files: withExamples })),
];

/** The shop under one seeded scheduler: 5,000 schedules or as many as 280 seconds hold, then every planted mistake. */
export const simulationPhases: readonly Phase[] = [
  simulation("simulation", ["--seeds", "5000", "--seconds", "280"]),
  simulation("planted mistakes", ["--bugs", "--seeds", "2000"]),
];

/** Other seeds, 20,000 or as many as 25 minutes hold: a step of CI's own. */
export const longSimulationPhase: Phase = simulation(
  "simulation, further seeds",
  ["--seeds", "20000", "--seed", "5001", "--seconds", "1500"],
  longSimulationLimitMs,
);

/** Tests against one RabbitMQ and one PostgreSQL, started once. */
export const integrationPhase: Phase = {
  name: "integration tests",
  run: (gate) => withServers(gate, gate.files.integrationTests),
};

/** Tests of the whole shop. */
export const endToEndPhase: Phase = {
  name: "end-to-end tests",
  run: (gate) => withServers(gate, gate.files.endToEndTests),
};

/** Every process of a shop ended at every point inside its turns: a step of CI's own. */
export const crashPhase: Phase = {
  name: "crash points",
  run: async (gate) => {
    const args = ["run", "--frozen", "--no-check", "-A", "tests/crash/main.ts"];
    const { isSuccess, output } = await deno(gate, { args, isLive: false, limitMs: crashLimitMs });
    for (const line of output.split("\n")) if (/^\d+ s round \d+: /.test(line)) gate.log(line);
    return { isSuccess, counts: noTests, output };
  },
};

function check(name: string, args: () => readonly string[]): Phase {
  return {
    name,
    run: async (gate) => {
      const first = await deno(gate, { args: args(), isLive: false });
      // A finding is printed; a tool that ends badly without a word has crashed itself (seen with lint plugins under
      // heavy load) and gets two more chances.
      let last = first;
      for (let again = 0; again < 2 && isSilentCrash(last) && !gate.signal.aborted; again += 1) {
        last = await deno(gate, { args: args(), isLive: false });
      }
      return { isSuccess: last.isSuccess, counts: noTests, output: last.output };
    },
  };
}

function isSilentCrash({ isSuccess, output }: Outcome): boolean {
  return !isSuccess && output.trim() === "";
}

function tests(
  name: string,
  select: (files: SourceFiles) => { readonly args: readonly string[]; readonly files: readonly string[] },
): Phase {
  return {
    name,
    run: async (gate) => {
      const { args, files } = select(gate.files);
      if (files.length === 0) return { isSuccess: true, counts: noTests, output: "" };
      const command = ["test", "--frozen", "--no-prompt", ...args, ...files];
      const outcome = await deno(gate, { args: command, isLive: false });
      const silent = outcome.isLate ? `No result from ${silentFiles(files, outcome.output).join(", ")}\n` : "";
      return counted(outcome, outcome.output + silent);
    },
  };
}

function simulation(name: string, args: readonly string[], limitMs = simulationLimitMs): Phase {
  const command = [
    "run",
    "--frozen",
    "--no-prompt",
    "--no-check",
    "--v8-flags=--min-semi-space-size=64,--max-semi-space-size=64",
    "--allow-read",
    "--import-map=tests/simulation/simulation_map.json",
    "tests/simulation/main.ts",
    ...args,
  ];
  return {
    name,
    run: async (gate) => {
      const { isSuccess, output } = await deno(gate, { args: command, isLive: false, limitMs });
      // What was played, and how fast, is worth a few lines of every run.
      if (isSuccess) { for (const line of summaryOf(output)) gate.log(line); }
      return { isSuccess, counts: simulationCounts(output), output };
    },
  };
}

function summaryOf(output: string): readonly string[] {
  return output.split("\n").filter((line) => /^(schedules {2}|orders {2}|\d+ of \d+ mistakes)/.test(line));
}

async function lintDocs(gate: Gate): Promise<PhaseResult> {
  // One run over all: file by file it takes the types of other packages for private.
  const { isSuccess, output } = await deno(gate, {
    args: ["doc", "--lint", ...gate.files.publicModules],
    isLive: false,
  });
  const complaints = parseDocLint(output);
  const ours = [];
  for (const complaint of complaints) {
    const source = (await Deno.readTextFile(complaint.file)).split("\n");
    if (isOurs(complaint, source)) ours.push(complaint);
  }
  // A failure that we cannot read is a failure.
  const isBroken = !isSuccess && complaints.length === 0;
  return {
    isSuccess: ours.length === 0 && !isBroken,
    counts: noTests,
    output: isBroken ? output : ours.map(({ text }) => text).join(""),
  };
}

async function withServers(gate: Gate, files: readonly string[]): Promise<PhaseResult> {
  if (files.length === 0) return { isSuccess: true, counts: noTests, output: "" };
  await using infra = await startInfra({ wants: ["rabbitmq", "postgres"], log: gate.log });
  // A signal must not wait for the tests: servers that vanish end them too.
  const env = environmentOf(infra);
  gate.log("servers are ready");
  const args = ["test", "--frozen", "--no-prompt", "--no-check", "-A", ...files];
  const command = { args, isLive: true, limitMs: serverLimitMs };
  const outcome = await deno({ ...gate, env: { ...gate.env, ...env } }, command);
  return counted(outcome, "");
}

function environmentOf(infra: Infra): Record<string, string> {
  return {
    MESH_AMQP_URL: infra.broker.amqpUrl,
    MESH_RABBITMQ_MANAGEMENT_URL: urlFromManagement(infra.broker.management),
    MESH_POSTGRES_URL: infra.postgres.adminUrl,
  };
}

function counted({ isSuccess, output }: Outcome, shown: string): PhaseResult {
  return { isSuccess, counts: parseCounts(output) ?? noTests, output: shown };
}

function deno(
  gate: Gate,
  command: Pick<Command, "args" | "isLive"> & Partial<Pick<Command, "limitMs">>,
): Promise<Outcome> {
  return runDeno(gate.root, { limitMs: quickLimitMs, ...command, env: gate.env, signal: gate.signal });
}

/** Files that a broken off parallel run said nothing about: one of them hangs, the others waited for it. */
function silentFiles(files: readonly string[], output: string): string[] {
  return files.filter((file) => !output.includes(file)).slice(0, 8);
}
