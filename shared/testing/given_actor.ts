import {
  type Actor,
  type AnyEffect,
  behaviourOf,
  type Context,
  type DecisionContext,
  type EffectRequest,
  type OutcomeOf,
  type Outgoing,
} from "@mesh/actor";
import { DefectError, sequentialIds } from "@mesh/base";
import type { AnyContract, AnyMessage, EventContract, MessageOf } from "@mesh/contract";
import { received, testContext } from "./fixtures.ts";

type Named<C> = Readonly<Record<string, C>>;

/** An actor with a history, waiting for what comes next. */
export interface GivenActor<State, C extends Named<AnyContract>, F extends Named<AnyEffect>> {
  /** What the history comes to. */
  readonly state: State;
  /** Its next deadline in milliseconds since 1970; absent when it has none. */
  readonly dueAtMs: number | undefined;
  /**
   * Lets a message come.
   *
   * @returns What the actor decides, in order.
   * @throws {DefectError} If it does not accept the message, leaves a command without event and effect, or says what
   *   it has not declared.
   */
  when(message: MessageOf<C[keyof C]>, context?: Partial<Context>): readonly Outgoing[];
  /**
   * Lets an effect come to an end.
   *
   * @returns What the actor decides, in order.
   * @throws {DefectError} If the outcome does not fit the effect's definition.
   */
  whenOutcome<E extends F[keyof F]>(effect: E, outcome: OutcomeOf<E>, context?: Partial<Context>): readonly Outgoing[];
  /**
   * Lets the actor's deadline come.
   *
   * @param now Not before the deadline.
   * @returns What the actor decides, in order.
   * @throws {DefectError} If nothing is due by then.
   */
  whenTimer(now: Date, context?: Partial<Context>): readonly Outgoing[];
}

/** Folds the history; see `given`. */
export function givenActor<
  State,
  C extends Named<AnyContract>,
  E extends Named<EventContract>,
  F extends Named<AnyEffect>,
>(actor: Actor<State, C, E, F>, history: readonly MessageOf<E[keyof E]>[]): GivenActor<State, C, F> {
  const behaviour = behaviourOf(actor);
  const fold = (state: State, events: readonly AnyMessage[]) =>
    events.reduce((before, event) => {
      expectListed(actor.name, "record", behaviour.records, event);
      const after = behaviour.evolve(before, event) as State;
      expectPlain(after, `state of "${actor.name}" after "${event.type}"`);
      return after;
    }, state);
  const state = fold(actor.initialState(), history);

  const check = (decision: readonly Outgoing[]) => {
    const names = behaviour.effects.map(({ effect }) => effect);
    for (const { effect } of decision.filter(isEffect)) {
      if (names.includes(effect)) continue;
      throw new DefectError(`Cannot take decision: actor "${actor.name}" does not declare effect "${effect}"`);
    }
    // Folding what was decided shows that the actor can live with it.
    fold(state, decision.filter(isEvent));
    return decision;
  };

  return {
    state,
    dueAtMs: behaviour.dueAtMs(state),
    when: (message: AnyMessage, overrides) => {
      expectListed(actor.name, "accept", behaviour.accepts, message);
      const context = decisionContext({ correlation: message.key, ...overrides });
      const decision = check(behaviour.decide(state, received(message, { id: context.messageId }), context));
      if (message.kind === "command" && !decision.some((one) => isEffect(one) || isEvent(one))) {
        throw new DefectError(
          `Cannot take decision: actor "${actor.name}" leaves "${message.type}" without event and effect, so unanswered`,
        );
      }
      return decision;
    },
    whenOutcome: (effect, outcome, overrides) => {
      const parsed = effect.outcomeSchema.safeParse(outcome);
      if (!parsed.success) {
        throw new DefectError(`Cannot take outcome of "${effect.effect}": ${parsed.error.message}`);
      }
      return check(behaviour.decideOutcome(state, effect.effect, parsed.data, decisionContext(overrides)));
    },
    whenTimer: (now, overrides) => {
      const dueAtMs = behaviour.dueAtMs(state);
      if (dueAtMs === undefined || now.getTime() < dueAtMs) {
        const found = dueAtMs === undefined ? "it has no deadline" : `it is due at ${new Date(dueAtMs).toISOString()}`;
        throw new DefectError(`Cannot fire timer of "${actor.name}" at ${now.toISOString()}: ${found}`);
      }
      return check(behaviour.decideTimer(state, decisionContext({ now, ...overrides })));
    },
  };
}

function decisionContext(overrides: Partial<Context> | undefined): DecisionContext {
  return { ...testContext(overrides), newId: sequentialIds().next };
}

function isEffect(one: Outgoing): one is EffectRequest {
  return one.kind === "effect";
}

function isEvent(one: Outgoing): one is Exclude<Outgoing, EffectRequest> {
  return one.kind === "event";
}

function expectListed(actor: string, verb: string, contracts: readonly AnyContract[], message: AnyMessage): void {
  if (contracts.some(({ type, version }) => type === message.type && version === message.version)) return;
  throw new DefectError(
    `Cannot use "${message.type}#${message.version}" in this test: actor "${actor}" does not ${verb} it`,
  );
}

/** A snapshot is the JSON of the state, so nothing may hide in it that JSON cannot carry. */
function expectPlain(value: unknown, where: string): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  const prototype = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    throw new DefectError(`Cannot use ${where}: it holds ${typeof value} "${String(value)}", which JSON cannot carry`);
  }
  for (const [name, member] of Object.entries(value as object)) {
    if (member !== undefined) expectPlain(member, `${where}, ${name}`);
  }
}
