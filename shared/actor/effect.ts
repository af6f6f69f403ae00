import type { z } from "zod";
import { ContractError } from "@mesh/base";

/** A call to the outside that a decision asks for; data, made by an {@link EffectDefinition}. */
export interface EffectRequest<Name extends string = string, Request = unknown> {
  readonly kind: "effect";
  readonly effect: Name;
  readonly request: Request;
}

/** The published shape of a call to the outside; call it to ask for one. */
export interface EffectDefinition<
  Name extends string = string,
  Request extends z.ZodType = z.ZodType,
  Outcome extends z.ZodType = z.ZodType,
> {
  (request: z.input<Request>): EffectRequest<Name, z.output<Request>>;
  /** Kebab-case, unique within the service, for example `"capture-payment"`. */
  readonly effect: Name;
  /** The peer it calls; calls to one dependency share a bound and a breaker. */
  readonly dependency: string;
  /** Longest time one attempt may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Names of effects of the same actor that are given up, if they have no outcome yet, once this one is asked for. */
  readonly supersedes: readonly string[];
  readonly requestSchema: Request;
  readonly outcomeSchema: Outcome;
}

/** Any effect, for code that does not care which. */
// deno-lint-ignore no-explicit-any
export type AnyEffect = EffectDefinition<string, any, any>;
/** What an effect asks for. */
export type RequestOf<E> = E extends EffectDefinition<string, infer R, z.ZodType> ? z.output<R> : never;
/** What an effect comes to. */
export type OutcomeOf<E> = E extends EffectDefinition<string, z.ZodType, infer O> ? z.output<O> : never;

/** What a definition is made of, besides its name. */
export interface EffectOptions<R extends z.ZodType, O extends z.ZodType> {
  readonly dependency: string;
  /** At least 1; the caller's signal aborts after it. */
  readonly deadlineMs: number;
  /**
   * Names of effects of the same actor that this one makes pointless: an attempt under way ends by its own deadline, then
   * they are not repeated any more. An undo names what it undoes here, or it would wait for an outcome that never comes.
   */
  readonly supersedes?: readonly string[];
  readonly request: R;
  /** Every definite outcome, refusals included. */
  readonly outcome: O;
}

/**
 * Defines a call to the outside.
 *
 * A decision returns it as a value; the turn commits it as a row; an executor performs it after the commit with an
 * idempotency key derived from stream and version; its outcome comes back to the same actor as a message.
 *
 * @param name Kebab-case, unique within the service.
 * @throws {ContractError} If the name is malformed.
 */
export function defineEffect<const Name extends string, R extends z.ZodType, O extends z.ZodType>(
  name: Name,
  { dependency, deadlineMs, supersedes = [], request, outcome }: EffectOptions<R, O>,
): EffectDefinition<Name, R, O> {
  if (!/^[a-z][a-z0-9-]{0,60}$/.test(name)) {
    throw new ContractError(`Cannot define effect "${name}": a name is kebab-case in lower case`);
  }
  const make = (input: z.input<R>): EffectRequest<Name, z.output<R>> =>
    Object.freeze({ kind: "effect", effect: name, request: request.parse(input) as z.output<R> });
  return Object.freeze(Object.assign(make, {
    effect: name,
    dependency,
    deadlineMs,
    supersedes,
    requestSchema: request,
    outcomeSchema: outcome,
  }));
}

/** What the executor hands to an adapter beside the request. */
export interface EffectCall {
  /** The same for every attempt of one effect; pass it on to the peer. */
  readonly idempotencyKey: string;
  /** Aborts at the effect's deadline and when the service drains. */
  readonly signal: AbortSignal;
  /** Attempts so far, this one included; from 1. */
  readonly attempt: number;
}

/** Performs one kind of effect; the only code of a service that calls out. */
export interface EffectAdapter<Request = unknown, Outcome = unknown> {
  /**
   * Performs the effect.
   *
   * @returns Its definite outcome; a definite refusal is an outcome, too.
   * @throws {UnavailableError} If nobody knows whether it happened, or the peer is away.
   */
  perform(request: Request, call: EffectCall): Promise<Outcome>;
  /**
   * Asks the peer whether an earlier attempt took effect; called before every repeat.
   *
   * @returns The outcome if it did, `undefined` if it certainly did not.
   * @throws {UnavailableError} If the peer cannot say.
   */
  find?(request: Request, call: EffectCall): Promise<Outcome | undefined>;
}

/** Adapters of one service, by effect name. */
// deno-lint-ignore no-explicit-any
export type EffectAdapters = Readonly<Record<string, EffectAdapter<any, any>>>;
