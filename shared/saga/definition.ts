import type { AnyCommand, CommandContract, DataOf, EventContract, MessageOf } from "@mesh/contract";

/** Why a saga turned back. */
export interface Failure<Step extends string = string> {
  /** The step that was being done, or about to be done. */
  readonly step: Step;
  /** The receiver said no; nobody answered in time; somebody wanted it stopped. */
  readonly reason: "refused" | "unknown" | "cancelled";
  /** Data of the refusing event; absent for the other reasons. */
  readonly answer?: unknown;
}

/** Says, on purpose, that a step leaves nothing behind to undo. */
export const nothingToUndo = "nothing to undo";

/** What a step's `send` returns: one command, or several that are answered one by one. */
export type Sendable<C extends CommandContract> = MessageOf<C> | readonly MessageOf<C>[];

/** What later steps see of a step: its answer, or the answers in the order sent when it sent a list. */
export type ResultOf<Sent, Success extends EventContract> = Sent extends readonly unknown[] ? readonly DataOf<Success>[]
  : DataOf<Success>;

/** What an undo may use besides the command that it undoes. */
export interface Known<Start, Done, Result> {
  readonly start: Start;
  /** Results of the earlier steps. */
  readonly done: Done;
  /** What the undone command was answered; absent when no answer is known, so an undo must do without. */
  readonly result?: Result;
}

/** The way back of one step. An undo must succeed; it is asked for until it is answered. */
export interface Compensation<Start, Done, Sent, Result, C extends CommandContract> {
  /** The undo; handled by the service that handles the step's command, under the same key. */
  readonly command: C;
  /** @param sent Data of the command to undo. Called once per command. */
  readonly send: (sent: Sent, known: Known<Start, Done, Result>) => MessageOf<C>;
  readonly succeedsOn: EventContract;
}

/** A step that can be undone. */
export interface StepOptions<
  Start,
  Done,
  C extends CommandContract,
  Sent extends Sendable<C>,
  Success extends EventContract,
  Undo extends CommandContract,
> {
  /** The contract of what `send` returns, so that rights and pictures follow from the definition. */
  readonly command: C;
  /** The step succeeds when all its commands have succeeded and fails when one is refused. */
  readonly send: (start: Start, done: Done) => Sent;
  readonly succeedsOn: Success;
  readonly failsOn: EventContract;
  /** How long to wait for the answers, in milliseconds, where the host's default does not suit the step. */
  readonly giveUpAfterMs?: number;
  readonly compensate:
    | Compensation<Start, Done, DataOf<C>, DataOf<Success>, Undo>
    | typeof nothingToUndo;
}

/** The point of no return: one command, whose success commits the saga. */
export interface PivotOptions<Start, Done, C extends CommandContract, Success extends EventContract> {
  readonly command: C;
  readonly send: (start: Start, done: Done) => MessageOf<C>;
  readonly succeedsOn: Success;
  /** A refusal turns the saga back; silence never does. */
  readonly failsOn: EventContract;
}

/** A step that has no way back. */
export interface MustSucceedOptions<
  Start,
  Done,
  C extends CommandContract,
  Sent extends Sendable<C>,
  Success extends EventContract,
> {
  readonly command: C;
  readonly send: (start: Start, done: Done) => Sent;
  readonly succeedsOn: Success;
  /** A refusal means a new attempt, under a new id, after a delay. */
  readonly failsOn?: EventContract;
}

/** What a request to stop is answered with once it is too late. */
export interface CancellationOptions<Start, C extends CommandContract> {
  readonly command: C;
  readonly refuse: (start: Start) => MessageOf<C>;
  /** The answer to the refusal. The saga does not wait for it, but it ends the command in the outbox. */
  readonly succeedsOn: EventContract;
}

/** How a saga tells its outcome; it is terminal when the answer has come. */
export interface EndOptions<Start, Known, C extends CommandContract> {
  readonly command: C;
  readonly send: (start: Start, known: Known) => MessageOf<C>;
  readonly succeedsOn: EventContract;
}

/** The two ends of a saga. */
export interface Ends<Start, Done, Completed extends CommandContract, Rejected extends CommandContract> {
  readonly completed: EndOptions<Start, Done, Completed>;
  readonly rejected: EndOptions<Start, Failure<keyof Done & string>, Rejected>;
}

/** One command that a saga may ask, as data: what is sent and what answers it. Types are erased. */
export interface Ask {
  readonly command: CommandContract;
  readonly succeedsOn: EventContract;
}

/** The way back of one step, types erased. */
export interface Undo extends Ask {
  // deno-lint-ignore no-explicit-any
  readonly send: (sent: any, known: Known<any, any, any>) => AnyCommand;
}

/** One step of a defined saga, types erased. */
export interface Step extends Ask {
  readonly name: string;
  readonly kind: "step" | "pivot" | "must-succeed";
  // deno-lint-ignore no-explicit-any
  readonly send: (start: any, done: any) => AnyCommand | readonly AnyCommand[];
  /** Absent when the receiver never refuses. */
  readonly failsOn?: EventContract;
  readonly giveUpAfterMs?: number;
  readonly compensate: Undo | typeof nothingToUndo;
}

/** One end of a defined saga, types erased. */
export interface End extends Ask {
  // deno-lint-ignore no-explicit-any
  readonly send: (start: any, known: any) => AnyCommand;
}

/** How a defined saga can be stopped, types erased. */
export interface Cancellation extends Ask {
  readonly event: EventContract;
  // deno-lint-ignore no-explicit-any
  readonly refuse: (start: any) => AnyCommand;
}

/** A process over several services, as data; made by `defineSaga`, advanced by `advance`. */
export interface Saga {
  /** Kebab-case; part of the stream's name. */
  readonly name: string;
  /** From 1; running instances stay with the version that they were started with. */
  readonly version: number;
  /** Another service's event, or a command of the service that hosts it. */
  readonly startedBy: EventContract | CommandContract;
  /** At least one, in order. */
  readonly steps: readonly Step[];
  /** Absent when nobody can stop it. */
  readonly cancelledBy?: Cancellation;
  readonly ends: { readonly completed: End; readonly rejected: End };
}
