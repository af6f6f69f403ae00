import { nothingToUndo, type Saga, type Step } from "./definition.ts";
import { retryDelayMs } from "./limits.ts";
import { askAgain, enter, refuseCancellation, turnBack } from "./moves.ts";
import { deadlineOf, type Line, type Progress } from "./progress.ts";
import {
  type Arrival,
  type Asked,
  change,
  changeLines,
  type Heard,
  type SagaCommand,
  type SagaInput,
  type Turn,
} from "./turn.ts";

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
  }
  return {
    progress: turn.progress,
    commands: turn.commands,
    asked: turn.asked,
    deadlineMs: deadlineOf(saga, turn.progress),
  };
}

type Answer = Extract<SagaInput, { kind: "answer" }>;

function takeStart(turn: Turn, start: unknown): void {
  if (turn.progress.phase !== "not-started") return;
  const isCancelled = turn.progress.isCancellationPending;
  change(turn, { phase: "running", start, isCancellationPending: false, limits: turn.arrival.limits });
  if (isCancelled) return turnBack(turn, -1, { step: turn.saga.steps[0]!.name, reason: "cancelled" });
  enter(turn, 0);
}

function takeAnswer(turn: Turn, answer: Answer): void {
  switch (turn.progress.phase) {
    case "running":
      return takeStepAnswer(turn, answer);
    case "turning-back":
      return takeUndoAnswer(turn, answer);
    case "completing":
    case "rejecting": {
      const isCompleting = turn.progress.phase === "completing";
      const end = turn.saga.ends[isCompleting ? "completed" : "rejected"];
      if (!answer.re.includes(turn.progress.endId!) || !isOf(end.succeedsOn, answer)) return;
      return change(turn, { phase: isCompleting ? "completed" : "rejected", needsAttention: false });
    }
  }
}

function takeStepAnswer(turn: Turn, answer: Answer): void {
  const { saga, progress } = turn;
  const step = saga.steps[progress.at]!;
  const isSuccess = isOf(step.succeedsOn, answer);
  if (!isSuccess && !(step.failsOn && isOf(step.failsOn, answer))) return;
  const answered = (line: Line) => line.status === "asked" && answer.re.includes(line.ids.at(-1)!);
  if (!progress.steps[progress.at]!.lines.some(answered)) return;
  const mark = (line: Line): Line => {
    if (!answered(line)) return line;
    if (isSuccess) return { ...line, status: "succeeded", result: answer.data };
    if (step.kind !== "must-succeed") return { ...line, status: "refused" };
    const delayMs = retryDelayMs(line.ids.length, progress.limits);
    return { ...line, status: "delayed", retryAtMs: turn.arrival.nowMs + delayMs };
  };
  changeLines(turn, mark);
  if (isSuccess) return finishStep(turn, step);
  if (step.kind === "must-succeed") return;
  turnBack(turn, progress.at, { step: step.name, reason: "refused", answer: answer.data });
}

/** Goes on to the next step once every command has succeeded. */
function finishStep(turn: Turn, step: Step): void {
  const { at, steps, isCancellationPending } = turn.progress;
  if (!steps[at]!.lines.every(({ status }) => status === "succeeded")) return;
  change(turn, { isCancellationPending: false });
  enter(turn, at + 1);
  // Only while a pivot's answer is open does a request wait; now it is too late for it.
  if (step.kind === "pivot" && isCancellationPending) refuseCancellation(turn);
}

function takeUndoAnswer(turn: Turn, answer: Answer): void {
  const { saga, progress } = turn;
  const { compensate } = saga.steps[progress.at]!;
  if (compensate === nothingToUndo || !isOf(compensate.succeedsOn, answer)) return;
  const answered = ({ undo }: Line) => undo !== undefined && !undo.isAnswered && answer.re.includes(undo.id);
  if (!progress.steps[progress.at]!.lines.some(answered)) return;
  changeLines(turn, (line) => answered(line) ? { ...line, undo: { ...line.undo!, isAnswered: true } } : line);
  if (turn.progress.steps[progress.at]!.lines.every(({ undo }) => undo?.isAnswered !== false)) {
    turnBack(turn, progress.at - 1, progress.failure!);
  }
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
  if (nowMs >= progress.sinceMs + progress.limits.attentionAfterMs && !progress.needsAttention) {
    change(turn, { needsAttention: true });
  }
}

function isOf({ type, version }: { type: string; version: number }, heard: Heard): boolean {
  return heard.type === type && heard.version === version;
}
