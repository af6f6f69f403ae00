import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { parseData } from "@mesh/contract";
import {
  describeSaga,
  initialSagaState,
  isTerminal,
  lockComplaints,
  pinLimits,
  replayTurn,
  type SagaRecord,
  takeTurn,
} from "@mesh/saga";
import { SagaAdvanced, SagaOperated } from "@shop/orchestrator";
import { sagas } from "@shop/orchestrator/service";
import { type GoldenHistory, readHistories, readLock } from "./saga_lock.ts";

const lock = await readLock();
const histories = await readHistories();

Deno.test("No saga's structure differs from what was locked for its version", () => {
  assertEquals(lockComplaints(lock, sagas), []);
});

Deno.test("The lock notices a step that moved without a new version", () => {
  const moved = sagas.map((saga) => ({ ...saga, steps: saga.steps.toReversed() }));
  assertEquals(lockComplaints(lock, moved).length, sagas.length);
});

Deno.test("Every locked version has histories of both ends", () => {
  for (const name of Object.keys(lock)) {
    const outcomes = histories.filter(({ saga, version }) => `${saga}#${version}` === name).map(({ outcome }) =>
      outcome
    );
    ok(outcomes.some((outcome) => outcome.startsWith("completed")), `${name} has no history that completes`);
    ok(outcomes.some((outcome) => outcome.startsWith("rejected")), `${name} has no history that is rejected`);
  }
});

for (const golden of histories) {
  Deno.test(`${golden.saga}#${golden.version} still decides as it did: ${golden.outcome}`, () => replay(golden));
}

Deno.test("The README shows each saga as it is defined", async () => {
  const readme = await Deno.readTextFile(new URL("../../services/orchestrator/README.md", import.meta.url));
  for (const saga of sagas) ok(readme.includes(describeSaga(saga)), `the picture of "${saga.name}" is not up to date`);
});

/** Takes every turn again, with the recorded input, moment and ids: record and commands must come out the same. */
function replay({ saga: name, version, turns }: GoldenHistory): void {
  const saga = sagas.find((one) => one.name === name && one.version === version)!;
  let state = initialSagaState(name, turns[0]!.record.correlation);
  for (const { record, commands } of turns) {
    const read: SagaRecord = parseData(record.input.kind === "act" ? SagaOperated : SagaAdvanced, record);
    const ids = read.asked.map(({ id }) => id);
    const limits = pinLimits(read.input.kind === "started" ? definedOf(read.input.limits) : {});
    const input = read.input.kind === "started" ? withoutLimits(read.input) : read.input;
    const turn = takeTurn(saga, state, { input, nowMs: read.atMs, newId: () => ids.shift()!, limits })!;
    assertEquals(JSON.parse(JSON.stringify(turn.record)), record);
    assertEquals(turn.commands.map(({ type, key, data }) => ({ type, key, data })), commands);
    state = replayTurn(saga, state, read);
    assertEquals(state.progress, turn.progress);
  }
  ok(isTerminal(state.progress), `it ends at ${state.progress.phase}`);
}

function withoutLimits<T extends { readonly limits: unknown }>({ limits: _limits, ...input }: T): Omit<T, "limits"> {
  return input;
}

function definedOf({ giveUpAfterMs, ...limits }: { giveUpAfterMs?: number | undefined; [name: string]: unknown }) {
  return { ...limits, ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }) };
}
