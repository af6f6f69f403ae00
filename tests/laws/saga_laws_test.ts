import { ok } from "node:assert/strict";
import { parseData } from "@mesh/contract";
import { sagaContracts } from "@mesh/saga";
import { checkSagaLaws, playSaga } from "@mesh/testing";
import { sagas } from "@shop/orchestrator/service";
import { sagaSamples } from "./saga_samples.ts";

/** Shared among all sagas, so that the gate takes as long with many of them. */
const playsInAll = 12_000;
const playsEach = Math.ceil(playsInAll / sagas.length);

/** What a saga of the shop can come to; steps that must succeed are never refused there. */
const outcomes = ["completed", "refused", "unknown", "cancelled", "stopsRefused", "voided", "attention"] as const;

for (const saga of sagas) {
  const name = `${saga.name}#${saga.version}`;
  const samples = sagaSamples[saga.name]!;

  Deno.test(`${name} ends, leaves nothing done against its outcome, undoes last first, passes its pivot once`, () => {
    const counts = checkSagaLaws(saga, samples, playsEach);
    for (const outcome of outcomes) {
      ok(counts[outcome] >= playsEach / 100, `${outcome} came only ${counts[outcome]} times`);
    }
  });

  Deno.test(`${name} is tried with messages that fit their contracts`, () => {
    const contracts = sagaContracts([saga]).subscribes;
    for (let seed = 0; seed < 50; seed += 1) {
      const { history } = playSaga(saga, samples, { seed, wildCount: 20 });
      for (const { input } of history) {
        if (input.kind === "deadline" || input.kind === "act") continue;
        parseData(contracts.find(({ type }) => type === input.type)!, input.data);
      }
    }
  });
}
