import { type AnyCommand, type AnyContract, type AnyEvent, type EventContract, type MessageKind } from "@mesh/contract";
import { DefectError } from "@mesh/base";
import type { AnyActor } from "./actor.ts";
import type { Context } from "./context.ts";
import type { AnyEffect, EffectRequest } from "./effect.ts";

/** A message as a behaviour sees it: verified, parsed against its contract, nothing of the wire left. */
export interface Received {
  readonly id: string;
  readonly kind: MessageKind;
  readonly type: string;
  readonly version: number;
  readonly key: string;
  readonly correlation: string;
  /** As the signer saw it, in milliseconds since 1970 to the second; information only. */
  readonly recordedAtMs: number;
  /** Commands that an event answers; empty for commands. */
  readonly re: readonly string[];
  readonly data: unknown;
}

/** What a decision comes down to. A command may carry the id that the decision drew for it. */
export type Outgoing = RecordedEvent | (AnyCommand & { readonly id?: string }) | EffectRequest;

/** An event, with what its record means for commands of the actor that nobody has answered. */
export type RecordedEvent = AnyEvent & {
  /** Ids of those that need no answer any more. */
  readonly ends?: readonly string[];
  /** Whether the others are to be sent again at once; for operators' acts. */
  readonly asksAgain?: boolean;
};

/** What an operator wants of one actor. */
export interface OperatorAct {
  /** The same id is the same act: it counts once. */
  readonly id: string;
  /** Why, in the operator's words. */
  readonly reason: string;
  /** What to do; the behaviour reads it. */
  readonly act: unknown;
}

/**
 * What the runtime runs: one kind of keyed, event-sourced receiver. Actors and saga hosts are both turned into this.
 *
 * All functions are pure. `State` is plain JSON, so a snapshot is its JSON.
 */
export interface Behaviour<State = unknown> {
  readonly service: string;
  readonly accepts: readonly AnyContract[];
  readonly records: readonly EventContract[];
  readonly effects: readonly AnyEffect[];
  /** Whether timers are used at all. */
  readonly hasTimers: boolean;
  /** Changes when states of older code cannot be read. */
  readonly stateVersion: string;
  /** @returns Key of the actor that takes the message, or `undefined` when none does. */
  keyOf(message: Received): string | undefined;
  initialState(key: string): State;
  decide(state: State, message: Received, context: DecisionContext): readonly Outgoing[];
  decideOutcome(state: State, effect: string, outcome: unknown, context: DecisionContext): readonly Outgoing[];
  decideTimer(state: State, context: DecisionContext): readonly Outgoing[];
  evolve(state: State, event: { readonly type: string; readonly version: number; readonly data: unknown }): State;
  /** @returns The one next deadline, in milliseconds since 1970 on the database's clock. */
  dueAtMs(state: State): number | undefined;
  /**
   * Decides on an operator's act; absent where operators can only look.
   *
   * @returns Nothing when the act, by its id, has been carried out before.
   * @throws {ConflictError} If the state does not allow it; the message says why.
   * @throws {ContractError} If it is no act that the behaviour knows.
   */
  operate?(state: State, act: OperatorAct, context: DecisionContext): readonly Outgoing[];
  /** Says for operators what the actor waits for and what will come of it; absent where the deadline says it all. */
  explain?(state: State, nowMs: number): unknown;
}

/** A context plus a source of ids, for decisions that must know the ids of the commands they send. */
export interface DecisionContext extends Context {
  readonly newId: () => string;
}

/**
 * Turns an actor's definition into what the runtime runs.
 *
 * @param actor Made by `defineActor`.
 * @returns A behaviour whose actor key is the key of each message.
 */
export function behaviourOf<A extends AnyActor>(actor: A): Behaviour<ReturnType<A["initialState"]>> {
  const nameOfAccepted = namesByType(actor.accepts);
  const nameOfRecorded = namesByType(actor.records);
  const effects = Object.entries(actor.effects) as [string, AnyEffect][];
  const nameOfEffect = new Map(effects.map(([name, { effect }]) => [effect, name]));
  return Object.freeze(
    {
      service: actor.name,
      accepts: Object.values(actor.accepts) as AnyContract[],
      records: Object.values(actor.records) as EventContract[],
      effects: effects.map(([, effect]) => effect),
      hasTimers: actor.timer !== undefined,
      stateVersion: String(actor.stateVersion),
      keyOf: ({ key }: Received) => key,
      initialState: () => actor.initialState(),
      decide: (state, message, context) => {
        const name = nameFor(nameOfAccepted, message, actor.name);
        return listOf(actor.decide[name]!(state, message.data, plain(context)));
      },
      decideOutcome: (state, effect, outcome, context) => {
        const name = nameOfEffect.get(effect);
        if (name === undefined) throw new DefectError(`Cannot take outcome: "${actor.name}" has no effect "${effect}"`);
        return listOf(actor.outcomes[name]!(state, outcome, plain(context)));
      },
      decideTimer: (state, context) => listOf(actor.timer?.decide(state, plain(context)) ?? []),
      evolve: (state, event) => actor.evolve[nameFor(nameOfRecorded, event, actor.name)]!(state, event.data),
      dueAtMs: (state) => actor.timer?.dueAtMs(state),
    } satisfies Behaviour<ReturnType<A["initialState"]>>,
  );
}

/** By type and version: maps in maps, as every turn asks, and putting a key together costs more than looking it up. */
type Names = ReadonlyMap<string, ReadonlyMap<number, string>>;

function namesByType(contracts: Readonly<Record<string, AnyContract>>): Names {
  const names = new Map<string, Map<number, string>>();
  for (const [name, { type, version }] of Object.entries(contracts)) {
    const byVersion = names.get(type) ?? new Map<number, string>();
    names.set(type, byVersion.set(version, name));
  }
  return names;
}

function nameFor(
  names: Names,
  { type, version }: { readonly type: string; readonly version: number },
  actor: string,
): string {
  const name = names.get(type)?.get(version);
  if (name === undefined) {
    throw new DefectError(`Cannot handle "${type}#${version}": actor "${actor}" does not know it`);
  }
  return name;
}

function plain({ now, messageId, correlation, issuer, cause }: DecisionContext): Context {
  return cause === undefined ? { now, messageId, correlation, issuer } : { now, messageId, correlation, issuer, cause };
}

function listOf<T>(decision: T | readonly T[]): readonly T[] {
  return Array.isArray(decision) ? decision : [decision as T];
}
