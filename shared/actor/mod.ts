/**
 * Actors as data: pure decisions over plain state. Types and definitions only, no I/O.
 *
 * @module
 */
export { type Actor, type AnyActor, type Decision, defineActor, type Result } from "./actor.ts";
export {
  type Behaviour,
  behaviourOf,
  type DecisionContext,
  type OperatorAct,
  type Outgoing,
  type Received,
  type RecordedEvent,
} from "./behaviour.ts";
export type { Cause, Context } from "./context.ts";
export {
  type AnyEffect,
  defineEffect,
  type EffectAdapter,
  type EffectAdapters,
  type EffectCall,
  type EffectDefinition,
  type EffectOptions,
  type EffectRequest,
  type OutcomeOf,
  type RequestOf,
} from "./effect.ts";
