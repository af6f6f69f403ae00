import { takeAnswer } from "./answers.ts";
import type { Saga } from "./definition.ts";
import { askAgain, enter, refuseCancellation, turnBack } from "./moves.ts";
import { operate, refusalOf } from "./operate.ts";
import { attentionAtMs, deadlineOf, type Progress } from "./progress.ts";
import { type Arrival, type Asked, change, type SagaCommand, type SagaInput, type Turn } from "./turn.ts";

/** What a turn comes to. */
export interface Advance {
  /** The very same object when the input changed nothing. */
  readonly progress: Progress;
  readonly commands: readonly SagaCommand[];
  /** One entry per command, in the same order. */
  readonly asked: readonly Asked[];
  /** When to come back if nothing else does, in milliseconds since 1970; `null` when only a message can move it. */
  readonly deadlineMs: number | null;
}

/**
 * Moves a saga on by one input: the only place that knows how sagas behave. Pure.
 *
 * Answers are matched by `re` alone: an event counts only for those of its `re` ids that the saga waits for; its type
 * then says success or failure of that very command. Everything else (late, repeated, foreign) changes nothing. The
 * saga never sends the same command twice; the outbox does.
 *
 * @param saga The version that the instance was started with.
 * @param progress Where the instance stands.
 * @param arrival What came, and when.
 * @returns Where it stands now, and what it asks for.
 */
export function advance(saga: Saga, progress: Progress, arrival: Arrival): Advance {
  const { input } = arrival;
  const turn: Turn = { saga, arrival, progress, commands: [], asked: [] };
  switch (input.kind) {
    case "started":
      takeStart(turn, input.data);
      break;
    case "answer":
      takeAnswer(turn, input);
      break;
    case "cancellation":
      takeCancellation(turn);
      break;
    case "deadline":
      takeDeadline(turn);
      break;
    case "act":
      takeAct(turn, input);
      break;
  }
  return {
    progress: turn.progress,
    commands: turn.commands,
    asked: turn.asked,
    deadlineMs: deadlineOf(saga, turn.progress),
  };
}

function takeStart(turn: Turn, start: unknown): void {
  if (turn.progress.phase !== "not-started") return;
  const isCancelled = turn.progress.isCancellationPending;
  change(turn, { phase: "running", start, isCancellationPending: false, limits: turn.arrival.limits });
  if (isCancelled) return turnBack(turn, -1, { step: turn.saga.steps[0]!.name, reason: "cancelled" });
  enter(turn, 0);
}

function takeCancellation(turn: Turn): void {
  const { saga, progress } = turn;
  if (!saga.cancelledBy) return;
  switch (progress.phase) {
    case "not-started":
      if (!progress.isCancellationPending) change(turn, { isCancellationPending: true });
      return;
    case "completing":
    case "completed":
      return refuseCancellation(turn);
    case "running": {
      const { kind, name } = saga.steps[progress.at]!;
      if (kind === "must-succeed") return refuseCancellation(turn);
      if (kind === "step") return turnBack(turn, progress.at, { step: name, reason: "cancelled" });
      if (!progress.isCancellationPending) change(turn, { isCancellationPending: true });
    }
  }
}

function takeDeadline(turn: Turn): void {
  const { saga, progress, arrival: { nowMs } } = turn;
  const deadlineMs = deadlineOf(saga, progress);
  if (deadlineMs === null || nowMs < deadlineMs) return;
  const step = saga.steps[progress.at];
  if (progress.phase === "running" && step?.kind === "step") {
    return turnBack(turn, progress.at, { step: step.name, reason: "unknown" });
  }
  if (progress.phase === "running") askAgain(turn, step!);
  if (nowMs >= (attentionAtMs(progress) ?? Infinity)) change(turn, { needsAttention: true });
}

/** An act that is not possible, or comes again under its id, changes nothing; who asks for it is told by `refusalOf`. */
function takeAct(turn: Turn, { id, act }: Extract<SagaInput, { kind: "act" }>): void {
  const { saga, progress, arrival: { nowMs } } = turn;
  if (progress.acts.some((done) => done.id === id)) return;
  if (refusalOf(saga, progress, { act, nowMs }) === undefined) operate(turn, act, id);
}
