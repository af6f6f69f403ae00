import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";
import { defineActor, defineEffect } from "./mod.ts";

const about = { version: 1, schema: z.object({ id: z.string() }), key: ({ id }: { id: string }) => id };
const Ring = defineCommand("bell.ring", about);
const Rung = defineEvent("bell.rung", about);
const Tuned = defineEvent("bell.tuned", about);
const Pull = defineEffect("pull", {
  dependency: "rope",
  deadlineMs: 1_000,
  request: z.object({ id: z.string() }),
  outcome: z.object({ swings: z.int() }),
});

type State = { readonly phase: "still" } | { readonly phase: "ringing"; readonly swings: number };
const initialState = (): State => ({ phase: "still" });

Deno.test("defineActor infers states of several shapes and the outcomes of effects", () => {
  const bell = defineActor({
    name: "bell",
    accepts: { Ring },
    records: { Rung },
    effects: { Pull },
    initialState,
    decide: { Ring: (_state, { id }) => [Rung({ id }), Pull({ id })] },
    outcomes: { Pull: (_state, { swings }) => Rung({ id: String(swings + 1) }) },
    evolve: { Rung: (_state, { id }) => ({ phase: "ringing", swings: id.length }) },
  });
  assertEquals(bell.evolve.Rung(bell.initialState(), { id: "b-1" }), { phase: "ringing", swings: 3 });
  assertEquals([bell.stateVersion, Object.keys(bell.effects)], [1, ["Pull"]]);
});

Deno.test("defineActor does not compile what an actor may not be", () => {
  const evolve = { Rung: (state: State) => state };
  const ring = { Ring: (_state: State, { id }: { id: string }) => Rung({ id }) };
  const written = [
    () =>
      // @ts-expect-error effects without outcomes
      defineActor({
        name: "bell",
        accepts: { Ring },
        records: { Rung },
        effects: { Pull },
        initialState,
        decide: ring,
        evolve,
      }),
    () =>
      // @ts-expect-error an accepted message without a handler
      defineActor({ name: "bell", accepts: { Ring }, records: { Rung }, initialState, decide: {}, evolve }),
    () =>
      // @ts-expect-error a recorded event that changes no state
      defineActor({ name: "bell", accepts: { Ring }, records: { Rung, Tuned }, initialState, decide: ring, evolve }),
    () =>
      defineActor({
        name: "bell",
        accepts: { Ring },
        records: { Rung },
        initialState,
        // @ts-expect-error an event that is not recorded
        decide: { Ring: (_state, { id }) => Tuned({ id }) },
        evolve,
      }),
    () =>
      defineActor({
        name: "bell",
        accepts: { Ring },
        records: { Rung },
        initialState,
        decide: ring,
        // @ts-expect-error a state that is none
        evolve: { Rung: () => ({ phase: "broken" }) },
      }),
    () =>
      defineActor({
        name: "bell",
        accepts: { Ring },
        records: { Rung },
        initialState,
        // @ts-expect-error an effect that is not declared
        decide: { Ring: (_state, { id }) => [Rung({ id }), Pull({ id })] },
        evolve,
      }),
  ];
  assertEquals(written.length, 6);
});
