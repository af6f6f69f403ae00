/**
 * Locks new versions of sagas: their structure, and histories that every later change must still be able to replay.
 *
 * Run it after a new version was added: `deno run --allow-read=. --allow-write=services/orchestrator
 * tests/laws/saga_lock.ts`, then `deno fmt services/orchestrator`. It adds what is missing and never touches what is
 * there; a version whose last instance has ended is taken out by hand.
 *
 * @module
 */
import { lockOf, type Saga, type SagaLock, type SagaRecord } from "@mesh/saga";
import { playSaga, type SagaPlay } from "@mesh/testing";
import { sagas } from "@shop/orchestrator/service";
import { sagaSamples } from "./saga_samples.ts";

const lockFile = new URL("../../services/orchestrator/sagas.lock.json", import.meta.url);
const historyFolder = new URL("../../services/orchestrator/sagas/histories/", import.meta.url);

/** One instance of a saga from start to end, as it was when its version was new. */
export interface GoldenHistory {
  readonly saga: string;
  readonly version: number;
  /** What it came to, for example `rejected, authorizePayment declined`. */
  readonly outcome: string;
  readonly turns: readonly {
    readonly record: SagaRecord;
    /** Data of the commands that the turn sent, in order. */
    readonly commands: readonly { readonly type: string; readonly key: string; readonly data: unknown }[];
  }[];
}

/** @returns What is locked; empty where there is no lock file yet. */
export async function readLock(): Promise<SagaLock> {
  const text = await Deno.readTextFile(lockFile).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "{}";
    throw error;
  });
  return JSON.parse(text);
}

/** @returns Every golden history, in the order of file names. */
export async function readHistories(): Promise<readonly GoldenHistory[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(historyFolder)) if (name.endsWith(".json")) names.push(name);
  return await Promise.all(
    names.sort().map(async (name) => JSON.parse(await Deno.readTextFile(new URL(name, historyFolder)))),
  );
}

/** The shortest play of each outcome among many, of those with several commands in a step where there are such. */
function playsOf(saga: Saga): ReadonlyMap<string, SagaPlay> {
  const plays = Array.from(
    { length: 2_000 },
    (_none, seed) =>
      playSaga(saga, sagaSamples[saga.name]!, { seed, wildCount: seed % 30, isOperated: seed % 4 === 0 }),
  );
  const rank = ({ history, sent }: SagaPlay) => history.length + (sent.some(({ asked }) => asked.line > 0) ? 0 : 1_000);
  const byRank = plays.sort((one, other) => rank(other) - rank(one));
  return new Map(byRank.map((play) => [outcomeOf(play), play]));
}

function outcomeOf({ progress: { phase, failure }, sent, history }: SagaPlay): string {
  const isOperated = history.some(({ input }) => input.kind === "act");
  const isStopRefused = sent.some(({ asked }) => asked.direction === "refuse");
  return [
    phase,
    ...(failure ? [`${failure.step} ${failure.reason}`] : []),
    ...(isStopRefused ? ["stop refused"] : []),
    ...(isOperated ? ["operated"] : []),
  ].join(", ");
}

function goldenOf(saga: Saga, outcome: string, { history, sent }: SagaPlay): GoldenHistory {
  const commandOf = new Map(sent.map(({ command }) => [command.id, command]));
  const turns = history.map((record) => ({
    record,
    commands: record.asked.map(({ id }) => {
      const { type, key, data } = commandOf.get(id)!;
      return { type, key, data };
    }),
  }));
  return { saga: saga.name, version: saga.version, outcome, turns };
}

function snakeCase(words: string): string {
  return words.replaceAll(/([a-z])([A-Z])/g, "$1_$2").replaceAll(/[^A-Za-z]+/g, "_").toLowerCase();
}

async function lockNewVersions(): Promise<void> {
  const lock = await readLock();
  for (const saga of sagas) {
    const name = `${saga.name}#${saga.version}`;
    if (name in lock) continue;
    await Deno.mkdir(historyFolder, { recursive: true });
    for (const [outcome, play] of playsOf(saga)) {
      const file = `${snakeCase(saga.name)}_v${saga.version}_${snakeCase(outcome)}.json`;
      const text = JSON.stringify(goldenOf(saga, outcome, play), null, 2);
      await Deno.writeTextFile(new URL(file, historyFolder), `${text}\n`, { createNew: true });
    }
  }
  const added = { ...lockOf(sagas), ...lock };
  await Deno.writeTextFile(lockFile, `${JSON.stringify(added, null, 2)}\n`);
}

if (import.meta.main) await lockNewVersions();
