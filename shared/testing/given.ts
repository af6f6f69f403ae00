import type { Actor, AnyEffect } from "@mesh/actor";
import type { AnyContract, EventContract, MessageOf } from "@mesh/contract";
import type { LimitOverrides, Saga } from "@mesh/saga";
import { type GivenActor, givenActor } from "./given_actor.ts";
import { type GivenSaga, givenSaga, type SagaStimulus } from "./given_saga.ts";

type Named<C> = Readonly<Record<string, C>>;

/**
 * Starts a test of an actor or a saga: given what has happened, when this comes, what is decided?
 *
 * The decisions come back as a plain array, to be compared as one value. Nothing here is a promise.
 *
 * @param actor Made by `defineActor`.
 * @param history What the actor has recorded so far.
 * @throws {DefectError} If the actor does not record one of these events, or its state is not plain JSON.
 *
 * @example A counter
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { z } from "zod";
 * import { defineActor } from "@mesh/actor";
 * import { defineCommand, defineEvent } from "@mesh/contract";
 * import { given } from "@mesh/testing";
 *
 * const about = { version: 1, schema: z.object({ id: z.string() }), key: ({ id }: { id: string }) => id };
 * const Count = defineCommand("counter.count", about);
 * const Counted = defineEvent("counter.counted", about);
 * const Refused = defineEvent("counter.refused", about);
 * const counter = defineActor({
 *   name: "counter",
 *   accepts: { Count },
 *   records: { Counted, Refused },
 *   initialState: (): { readonly total: number } => ({ total: 0 }),
 *   decide: { Count: ({ total }, { id }) => total < 1 ? Counted({ id }) : Refused({ id }) },
 *   evolve: { Counted: ({ total }) => ({ total: total + 1 }), Refused: (state) => state },
 * });
 *
 * assertEquals(given(counter, []).when(Count({ id: "a" })), [Counted({ id: "a" })]);
 * assertEquals(given(counter, [Counted({ id: "a" })]).when(Count({ id: "a" })), [Refused({ id: "a" })]);
 * ```
 */
export function given<
  State,
  const C extends Named<AnyContract>,
  const E extends Named<EventContract>,
  const F extends Named<AnyEffect>,
>(actor: Actor<State, C, E, F>, history: readonly MessageOf<E[keyof E]>[]): GivenActor<State, C, F>;
/**
 * Starts a test of a saga.
 *
 * @param saga Made by `defineSaga`.
 * @param history What has come to it so far: its starting event, answers, requests to stop, `deadlinePassed()`. An
 *   answer that names no command answers what the saga waits for from that very actor.
 * @param limits Shorter or longer waits than the defaults.
 */
export function given(saga: Saga, history: readonly SagaStimulus[], limits?: LimitOverrides): GivenSaga;
export function given(
  definition: Saga | Actor<unknown, Named<AnyContract>, Named<EventContract>, Named<AnyEffect>>,
  // deno-lint-ignore no-explicit-any
  history: readonly any[],
  limits?: LimitOverrides,
): unknown {
  return "steps" in definition ? givenSaga(definition, history, limits) : givenActor(definition, history);
}
