import type { AnyCommand, AnyContract, DataOf, EventContract, MessageOf } from "@mesh/contract";
import type { Context } from "./context.ts";
import type { AnyEffect, EffectRequest, OutcomeOf, RequestOf } from "./effect.ts";

type Named<C> = Readonly<Record<string, C>>;
type RequestsOf<F extends Named<AnyEffect>> = {
  [K in keyof F]: EffectRequest<F[K]["effect"], RequestOf<F[K]>>;
}[keyof F];

/** One thing that a decision may ask for. */
export type Result<E extends Named<EventContract>, F extends Named<AnyEffect>> =
  | MessageOf<E[keyof E]>
  | AnyCommand
  | RequestsOf<F>;

/**
 * What a decision asks for: events to record and publish, commands to send, effects to perform.
 *
 * Every command is answered, at once or later, so a decision about a command holds at least one event or effect.
 */
export type Decision<E extends Named<EventContract>, F extends Named<AnyEffect>> =
  | Result<E, F>
  | readonly Result<E, F>[];

/** The whole behaviour of one kind of actor: pure functions over plain JSON state. */
export interface Actor<
  State,
  C extends Named<AnyContract>,
  E extends Named<EventContract>,
  F extends Named<AnyEffect>,
> {
  /** The service's name. */
  readonly name: string;
  /** Commands of its own service, and other services' events. */
  readonly accepts: C;
  /** Its own events, the only ones it may record. */
  readonly records: E;
  /** Calls to the outside that its decisions may ask for. */
  readonly effects: F;
  /** Raise it when `State` or `evolve` changes shape, so that old snapshots are not used. */
  readonly stateVersion: number;
  readonly initialState: () => State;
  readonly decide: { readonly [K in keyof C]: (state: State, data: DataOf<C[K]>, context: Context) => Decision<E, F> };
  readonly evolve: { readonly [K in keyof E]: (state: State, data: DataOf<E[K]>) => State };
  /** What follows from the outcome of an effect. */
  readonly outcomes: {
    readonly [K in keyof F]: (state: State, outcome: OutcomeOf<F[K]>, context: Context) => Decision<E, F>;
  };
  /** The actor's one next deadline; a pure function of its state. */
  readonly timer?: {
    /** @returns Milliseconds since 1970 on the database's clock, or `undefined` when nothing is due. */
    readonly dueAtMs: (state: State) => number | undefined;
    readonly decide: (state: State, context: Context) => Decision<E, F>;
  };
}

type NoEffects = Record<never, never>;

/**
 * What an actor is written down as: version 1 goes without saying, and so do effects where there are none. One
 * signature for both, because the compiler does not infer handlers' parameters across overloads.
 */
type Written<State, C extends Named<AnyContract>, E extends Named<EventContract>, F extends Named<AnyEffect>> =
  & Omit<Actor<State, C, E, F>, "stateVersion" | "effects" | "outcomes">
  & Partial<Pick<Actor<State, C, E, F>, "stateVersion" | "effects" | "outcomes">>
  & ([keyof F] extends [never] ? unknown : { readonly outcomes: unknown });

/**
 * Defines an actor from pure functions keyed by its contracts.
 *
 * The compiler refuses an accepted message without a handler, a handler for one that is not accepted, an event that is
 * not recorded, and a field that an event lacks.
 *
 * @returns The definition, frozen.
 *
 * @example A counter
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { z } from "zod";
 * import { defineCommand, defineEvent } from "@mesh/contract";
 * import { defineActor } from "@mesh/actor";
 *
 * const about = { version: 1, schema: z.object({ id: z.string() }), key: ({ id }: { id: string }) => id };
 * const Count = defineCommand("counter.count", about);
 * const Counted = defineEvent("counter.counted", about);
 * const counter = defineActor({
 *   name: "counter",
 *   accepts: { Count },
 *   records: { Counted },
 *   initialState: (): { readonly total: number } => ({ total: 0 }),
 *   decide: { Count: (_state, { id }) => Counted({ id }) },
 *   evolve: { Counted: ({ total }) => ({ total: total + 1 }) },
 * });
 * assertEquals(counter.evolve.Counted({ total: 1 }, { id: "a" }), { total: 2 });
 * ```
 */
export function defineActor<
  const State,
  const C extends Named<AnyContract>,
  const E extends Named<EventContract>,
  const F extends Named<AnyEffect> = NoEffects,
>(actor: Written<State, C, E, F>): Actor<State, C, E, F> {
  const written = { effects: {}, outcomes: {}, stateVersion: 1, ...actor };
  return Object.freeze(written) as unknown as Actor<State, C, E, F>;
}

/** Any actor, for code that does not care which. */
// deno-lint-ignore no-explicit-any
export type AnyActor = Actor<any, any, any, any>;
