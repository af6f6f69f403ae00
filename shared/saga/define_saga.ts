import { ContractError } from "@mesh/base";
import type { CommandContract, DataOf, EventContract } from "@mesh/contract";
import {
  type CancellationOptions,
  type Ends,
  type MustSucceedOptions,
  nothingToUndo,
  type PivotOptions,
  type ResultOf,
  type Saga,
  type Sendable,
  type Step,
  type StepOptions,
} from "./definition.ts";

/** A saga being written, of which only the end is missing. */
export interface EndingDraft<Start, Done> {
  /**
   * Says what the saga sends last, and what answers it.
   *
   * @throws {ContractError} If the saga as a whole does not hold together; the message says why.
   */
  ends<Completed extends CommandContract, Rejected extends CommandContract>(
    ends: Ends<Start, Done, Completed, Rejected>,
  ): Saga;
}

/** A saga being written, past the point where it can still turn back. */
export interface CommittedDraft<Start, Done> extends EndingDraft<Start, Done> {
  /** Adds a step that has no way back: a refusal means a new attempt, silence the same command again. */
  mustSucceed<
    const Name extends string,
    C extends CommandContract,
    Sent extends Sendable<C>,
    Success extends EventContract,
  >(
    name: Name,
    step: MustSucceedOptions<Start, Done, C, Sent, Success>,
  ): CommittedDraft<Start, Done & Readonly<Record<Name, ResultOf<Sent, Success>>>>;

  /**
   * Says which event asks the saga to stop.
   *
   * Before the pivot is sent, the current step is treated as unknown and the saga turns back; while the pivot's answer
   * is open, the request waits; after it, `refuse` is sent. A request that comes before the start is remembered.
   */
  cancelledBy<C extends CommandContract>(
    event: EventContract,
    cancellation: CancellationOptions<Start, C>,
  ): EndingDraft<Start, Done>;
}

/** A saga being written: each step sees the results of those before it. */
export interface SagaDraft<Start, Done> extends CommittedDraft<Start, Done> {
  /** Adds a step that can be undone. After a refusal or too long a silence the saga turns back, last step first. */
  step<
    const Name extends string,
    C extends CommandContract,
    Sent extends Sendable<C>,
    Success extends EventContract,
    Undo extends CommandContract,
  >(
    name: Name,
    step: StepOptions<Start, Done, C, Sent, Success, Undo>,
  ): SagaDraft<Start, Done & Readonly<Record<Name, ResultOf<Sent, Success>>>>;

  /** Adds the point of no return: a refusal turns the saga back, silence is asked again, success commits the saga. */
  pivot<const Name extends string, C extends CommandContract, Success extends EventContract>(
    name: Name,
    step: PivotOptions<Start, Done, C, Success>,
  ): CommittedDraft<Start, Done & Readonly<Record<Name, DataOf<Success>>>>;
}

/** What a saga is made of, besides its name and steps. */
export interface SagaOptions<Start extends EventContract | CommandContract> {
  /** From 1; raise it with every change of structure, and keep the old file until no instance is unfinished. */
  readonly version: number;
  /**
   * What starts an instance; its correlation is the instance's identity. Either another service's event, or a command of
   * the hosting service, whose key must be its correlation; the host runs it without the broker (`execute`).
   */
  readonly startedBy: Start;
}

/**
 * Defines a process over several services as a list of steps, the way back beside each.
 *
 * Answers are matched by the ids that they name (`re`), never by type alone. The compiler refuses a step without its
 * compensation, a step that reads the result of a later one, an undo that relies on its own step's result, and a step
 * that can fail after the point of no return.
 *
 * @param name Kebab-case, unique among sagas.
 * @returns A draft; finish it with `.ends(…)`.
 *
 * @example Hold a seat, take the money, tell
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { z } from "zod";
 * import { defineCommand, defineEvent } from "@mesh/contract";
 * import { defineSaga } from "@mesh/saga";
 *
 * const about = { version: 1, schema: z.object({ id: z.string() }), key: ({ id }: { id: string }) => id };
 * const Booked = defineEvent("desk.booked", about);
 * const HoldSeat = defineCommand("seats.hold-seat", about);
 * const SeatHeld = defineEvent("seats.seat-held", about);
 * const SeatRefused = defineEvent("seats.seat-refused", about);
 * const FreeSeat = defineCommand("seats.free-seat", about);
 * const SeatFreed = defineEvent("seats.seat-freed", about);
 * const TakeMoney = defineCommand("money.take-money", about);
 * const MoneyTaken = defineEvent("money.money-taken", about);
 * const MoneyRefused = defineEvent("money.money-refused", about);
 * const Confirm = defineCommand("desk.confirm", about);
 * const Confirmed = defineEvent("desk.confirmed", about);
 * const Reject = defineCommand("desk.reject", about);
 * const Rejected = defineEvent("desk.rejected", about);
 *
 * const book = defineSaga("book", { version: 1, startedBy: Booked })
 *   .step("holdSeat", {
 *     command: HoldSeat,
 *     send: ({ id }) => HoldSeat({ id }),
 *     succeedsOn: SeatHeld,
 *     failsOn: SeatRefused,
 *     compensate: { command: FreeSeat, send: ({ id }) => FreeSeat({ id }), succeedsOn: SeatFreed },
 *   })
 *   .pivot("takeMoney", {
 *     command: TakeMoney,
 *     send: ({ id }) => TakeMoney({ id }),
 *     succeedsOn: MoneyTaken,
 *     failsOn: MoneyRefused,
 *   })
 *   .ends({
 *     completed: { command: Confirm, send: ({ id }) => Confirm({ id }), succeedsOn: Confirmed },
 *     rejected: { command: Reject, send: ({ id }) => Reject({ id }), succeedsOn: Rejected },
 *   });
 * assertEquals(book.steps.map(({ name, kind }) => `${kind} ${name}`), ["step holdSeat", "pivot takeMoney"]);
 * ```
 */
export function defineSaga<Start extends EventContract | CommandContract>(
  name: string,
  options: SagaOptions<Start>,
): SagaDraft<DataOf<Start>, Readonly<Record<never, never>>> {
  return draft({ ...options, name, steps: [] }) as SagaDraft<DataOf<Start>, Readonly<Record<never, never>>>;
}

type Unfinished = Omit<Saga, "ends">;
// deno-lint-ignore no-explicit-any
type Erased = any;

/** The one runtime shape behind the typed drafts, which only differ in what they let one call. */
function draft(saga: Unfinished): Erased {
  const add = (step: Step) => draft({ ...saga, steps: [...saga.steps, Object.freeze(step)] });
  return {
    step: (name: string, step: Erased) => add({ ...step, name, kind: "step" }),
    pivot: (name: string, step: Erased) => add({ ...step, name, kind: "pivot", compensate: nothingToUndo }),
    mustSucceed: (name: string, step: Erased) =>
      add({ ...step, name, kind: "must-succeed", compensate: nothingToUndo }),
    cancelledBy: (event: EventContract, cancellation: Erased) =>
      draft({ ...saga, cancelledBy: Object.freeze({ ...cancellation, event }) }),
    ends: (ends: Saga["ends"]) => checked({ ...saga, ends: Object.freeze(ends) }),
  };
}

/** What the compiler cannot see. */
function checked(saga: Saga): Saga {
  const complain = (found: string): never => {
    throw new ContractError(`Cannot define saga "${saga.name}": ${found}`);
  };
  if (!/^[a-z][a-z0-9-]{0,60}$/.test(saga.name)) complain("its name is not kebab-case in lower case");
  if (!Number.isInteger(saga.version) || saga.version < 1) complain(`version ${saga.version} is no positive integer`);
  if (saga.steps.length === 0) complain("it has no step");
  const names = new Set(reservedNames);
  for (const { name, command, succeedsOn, failsOn, compensate, giveUpAfterMs } of saga.steps) {
    if (!/^[a-z][A-Za-z0-9]{0,60}$/.test(name)) complain(`step name "${name}" is not camelCase`);
    if (names.has(name)) complain(`step name "${name}" is taken`);
    names.add(name);
    if (failsOn && nameOf(failsOn) === nameOf(succeedsOn)) {
      complain(`step "${name}" succeeds and fails on the same event`);
    }
    if (giveUpAfterMs !== undefined && !(giveUpAfterMs >= 1)) complain(`step "${name}" gives up after no time at all`);
    if (compensate !== nothingToUndo && compensate.command.service !== command.service) {
      // Only the inbox of the service that takes the command can make a late one void.
      complain(`step "${name}" is undone by "${compensate.command.type}", which another service handles`);
    }
  }
  const answers = new Set(answersOf(saga).map(nameOf));
  for (const request of [saga.startedBy, ...(saga.cancelledBy ? [saga.cancelledBy.event] : [])]) {
    if (answers.has(nameOf(request))) complain(`"${request.type}" is both an answer and a request`);
  }
  if (saga.cancelledBy && nameOf(saga.cancelledBy.event) === nameOf(saga.startedBy)) {
    complain(`"${saga.startedBy.type}" both starts and stops it`);
  }
  return Object.freeze({ ...saga, steps: Object.freeze([...saga.steps]) });
}

/** Words that stand where a step's name stands in recorded turns. */
const reservedNames: readonly string[] = ["completed", "rejected", "cancellation"];

/** @returns Every event that may answer a command of the saga. */
export function answersOf(saga: Saga): readonly EventContract[] {
  return [
    ...saga.steps.flatMap(({ succeedsOn, failsOn, compensate }) => [
      succeedsOn,
      ...(failsOn ? [failsOn] : []),
      ...(compensate === nothingToUndo ? [] : [compensate.succeedsOn]),
    ]),
    saga.ends.completed.succeedsOn,
    saga.ends.rejected.succeedsOn,
    ...(saga.cancelledBy ? [saga.cancelledBy.succeedsOn] : []),
  ];
}

/** @returns Every command that the saga may send. */
export function commandsOf(saga: Saga): readonly CommandContract[] {
  return [
    ...saga.steps.flatMap(({ command, compensate }) => [
      command,
      ...(compensate === nothingToUndo ? [] : [compensate.command]),
    ]),
    saga.ends.completed.command,
    saga.ends.rejected.command,
    ...(saga.cancelledBy ? [saga.cancelledBy.command] : []),
  ];
}

function nameOf({ type, version }: EventContract | CommandContract): string {
  return `${type}#${version}`;
}
