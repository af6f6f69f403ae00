import { invariant } from "@mesh/base";
import type { AnyCommand } from "@mesh/contract";
import type { SagaAct } from "./act.ts";
import type { Ask, Saga } from "./definition.ts";
import type { PinnedLimits } from "./limits.ts";
import type { Line, Progress } from "./progress.ts";

/** What can come to a saga. */
export type SagaInput =
  | ({ readonly kind: "started" } & Heard)
  | ({ readonly kind: "answer"; readonly re: readonly string[] } & Heard)
  | ({ readonly kind: "cancellation" } & Heard)
  | { readonly kind: "deadline" }
  | SagaActInput;

/** An operator does something. */
export interface SagaActInput {
  readonly kind: "act";
  /** The same id is the same act: it counts once. */
  readonly id: string;
  /** Why, in the operator's words. */
  readonly reason: string;
  readonly act: SagaAct;
}

/** What every message says of itself. */
export interface Heard {
  /** Message id. */
  readonly id: string;
  readonly type: string;
  /** Major version of the message's schema. */
  readonly version: number;
  readonly data: unknown;
}

/** One input, and what a turn about it needs from outside. */
export interface Arrival {
  readonly input: SagaInput;
  /** The turn's moment on the database's clock, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Draws the message id of one command; called once per command, in the order in which they are asked. */
  readonly newId: () => string;
  /** Read when the saga starts and kept by the instance. */
  readonly limits: PinnedLimits;
}

/** One command as it was asked: enough, with the definition, to know everything about it again. */
export interface Asked {
  readonly id: string;
  readonly type: string;
  /** Name of the step; `completed` or `rejected` for the end, `cancellation` for a refused one. */
  readonly step: string;
  /** Position among the step's commands, from 0. */
  readonly line: number;
  /** From 1. */
  readonly attempt: number;
  readonly direction: "do" | "undo" | "end" | "refuse";
}

/** A command with the id that the saga waits for. */
export type SagaCommand = AnyCommand & { readonly id: string };

/** A turn in the making; lives as long as one call of `advance`. */
export interface Turn {
  readonly saga: Saga;
  readonly arrival: Arrival;
  progress: Progress;
  readonly commands: SagaCommand[];
  readonly asked: Asked[];
}

/** Sends one command and notes what it was sent for. @returns Its message id. */
export function ask({ commands, asked, arrival, saga }: Turn, { command }: Ask, { message, ...about }: Asking): string {
  invariant(
    message.type === command.type && message.version === command.version,
    `Cannot ask in saga "${saga.name}": step "${about.step}" declares "${command.type}" and sends "${message.type}"`,
  );
  const id = arrival.newId();
  commands.push({ ...message, id });
  asked.push({ id, type: message.type, ...about });
  return id;
}

type Asking = Omit<Asked, "id" | "type"> & { readonly message: AnyCommand };

/** Replaces the progress; every change of it goes through here. */
export function change(turn: Turn, changes: Partial<Progress>): void {
  turn.progress = { ...turn.progress, ...changes };
}

/** Changes the commands of the current step. */
export function changeLines(turn: Turn, mark: (line: Line, index: number) => Line): void {
  const { at, steps } = turn.progress;
  change(turn, { steps: steps.with(at, { ...steps[at]!, lines: steps[at]!.lines.map(mark) }) });
}
