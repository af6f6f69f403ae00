import type { SagaAct } from "./act.ts";
import type { Failure, Saga } from "./definition.ts";
import { defaultLimits, pinLimits, type PinnedLimits } from "./limits.ts";

/** Where a saga stands as a whole. */
export type Phase =
  | "not-started"
  /** Going forward, step by step. */
  | "running"
  /** Undoing, last step first. */
  | "turning-back"
  /** All steps done; the end is asked for. */
  | "completing"
  /** Everything undone; the end is asked for. */
  | "rejecting"
  | "completed"
  | "rejected";

/** One command of a step, with what became of it. */
export interface Line {
  /** Message ids of all attempts, newest last; only the newest is waited for. */
  readonly ids: readonly string[];
  /** Actor key that the command is addressed to. */
  readonly key: string;
  /** Data of the command. */
  readonly sent: unknown;
  readonly status:
    | "asked"
    /** Refused, and asked again under a new id at `retryAtMs`. */
    | "delayed"
    | "succeeded"
    | "refused";
  readonly result?: unknown;
  readonly retryAtMs?: number;
  readonly undo?: { readonly id: string; readonly isAnswered: boolean };
}

/** One step that has been asked for. */
export interface StepProgress {
  readonly name: string;
  /** Whether `send` returned a list, so that the result is a list, too. */
  readonly isList: boolean;
  readonly lines: readonly Line[];
}

/** Everything that a saga remembers of one instance; plain JSON. */
export interface Progress {
  readonly phase: Phase;
  /** Index of the step being done or undone; the number of steps at the end. */
  readonly at: number;
  /** When the current step, undo or end began, on the database's clock. */
  readonly sinceMs: number;
  /** By how much operators have moved what the current step, undo or end waits for, in milliseconds. */
  readonly shiftMs: number;
  /** Data of the starting event; null before. */
  readonly start: unknown;
  /** Steps asked for so far, in order. */
  readonly steps: readonly StepProgress[];
  /** Id of the command that tells the outcome; null before it is sent. */
  readonly endId: string | null;
  readonly failure: Failure | null;
  /** A request to stop that has not been acted on yet. */
  readonly isCancellationPending: boolean;
  readonly needsAttention: boolean;
  /** Whether an operator does not want to hear of the current step, undo or end. */
  readonly isAttentionOff: boolean;
  /** What operators have done, in order. */
  readonly acts: readonly { readonly id: string; readonly act: SagaAct }[];
  readonly limits: PinnedLimits;
}

/** Nothing has come yet. */
export const initialProgress: Progress = Object.freeze({
  phase: "not-started",
  at: 0,
  sinceMs: 0,
  shiftMs: 0,
  start: null,
  steps: [],
  endId: null,
  failure: null,
  isCancellationPending: false,
  needsAttention: false,
  isAttentionOff: false,
  acts: [],
  limits: pinLimits(),
});

/** Whether nothing more will be asked. */
export function isTerminal({ phase }: Pick<Progress, "phase">): boolean {
  return phase === "completed" || phase === "rejected";
}

/**
 * Says how long a step's answers are waited for.
 *
 * @returns Milliseconds, or `undefined` for a pivot and steps that must succeed: silence never undoes those.
 */
export function giveUpAfterMs(saga: Saga, at: number, limits: PinnedLimits): number | undefined {
  const step = saga.steps[at];
  if (step?.kind !== "step") return undefined;
  return limits.giveUpAfterMs ?? step.giveUpAfterMs ?? defaultLimits.giveUpAfterMs;
}

/** What a saga may be woken for: to undo a silent step, to ask for a refused command again, to call somebody. */
export type WakesFor = "give-up" | "attempt" | "attention";

/** @returns When the saga will need attention if nothing comes; `undefined` when it does already, or nobody cares. */
export function attentionAtMs(
  { sinceMs, shiftMs, needsAttention, isAttentionOff, limits }: Progress,
): number | undefined {
  return needsAttention || isAttentionOff ? undefined : sinceMs + shiftMs + limits.attentionAfterMs;
}

/**
 * Says when a saga has to be woken if nothing comes.
 *
 * @returns Milliseconds since 1970 on the database's clock, or `null` when only a message can move it.
 */
export function deadlineOf(saga: Saga, progress: Progress): number | null {
  return nextWake(saga, progress)?.atMs ?? null;
}

/** @returns What it will be woken for; `undefined` when only a message can move it. */
export function wakesFor(saga: Saga, progress: Progress): WakesFor | undefined {
  return nextWake(saga, progress)?.what;
}

function nextWake(
  saga: Saga,
  progress: Progress,
): { readonly what: WakesFor; readonly atMs: number } | undefined {
  const { phase, at, sinceMs, shiftMs, limits } = progress;
  if (phase === "not-started" || isTerminal(progress)) return undefined;
  const alarmMs = attentionAtMs(progress);
  const attention = alarmMs === undefined ? undefined : { what: "attention" as const, atMs: alarmMs };
  if (phase !== "running") return attention;
  const limitMs = giveUpAfterMs(saga, at, limits);
  if (limitMs !== undefined) return { what: "give-up", atMs: sinceMs + shiftMs + limitMs };
  const retryMs = Math.min(...progress.steps[at]!.lines.map(({ retryAtMs }) => retryAtMs ?? Infinity));
  return retryMs <= (alarmMs ?? Infinity) && retryMs < Infinity ? { what: "attempt", atMs: retryMs } : attention;
}

/** @returns Results of the steps whose commands have all succeeded, by step name. */
export function resultsOf({ steps }: Progress, before: number): Readonly<Record<string, unknown>> {
  const done: Record<string, unknown> = {};
  for (const { name, isList, lines } of steps.slice(0, before)) {
    done[name] = isList ? lines.map(({ result }) => result) : lines[0]!.result;
  }
  return done;
}

/** One command whose answer a saga waits for. */
export interface Waiting {
  readonly step: string;
  /** Position among the step's commands, from 0. */
  readonly line: number;
  readonly direction: "do" | "undo" | "end";
  readonly id: string;
}

/** @returns The commands whose answers would move the saga on; empty when there are none. */
export function waitingFor(progress: Progress): readonly Waiting[] {
  const { phase, at, steps, endId } = progress;
  const { name: step, lines } = steps[at] ?? { name: "", lines: [] };
  switch (phase) {
    case "running":
      return lines.flatMap(({ status, ids }, line) =>
        status === "asked" ? [{ step, line, direction: "do" as const, id: ids.at(-1)! }] : []
      );
    case "turning-back":
      return lines.flatMap(({ undo }, line) =>
        undo && !undo.isAnswered ? [{ step, line, direction: "undo" as const, id: undo.id }] : []
      );
    case "completing":
      return [{ step: "completed", line: 0, direction: "end", id: endId! }];
    case "rejecting":
      return [{ step: "rejected", line: 0, direction: "end", id: endId! }];
    default:
      return [];
  }
}
