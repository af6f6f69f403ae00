import { nothingToUndo, type Step } from "./definition.ts";
import { retryDelayMs } from "./limits.ts";
import { enter, refuseCancellation, turnBack } from "./moves.ts";
import type { Line } from "./progress.ts";
import { change, changeLines, type Heard, type SagaInput, type Turn } from "./turn.ts";

/** An event that names commands. */
export type Answer = Extract<SagaInput, { kind: "answer" }>;

/** Lets an answer count for those commands that the saga waits for. */
export function takeAnswer(turn: Turn, answer: Answer): void {
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

function isOf({ type, version }: { type: string; version: number }, heard: Heard): boolean {
  return heard.type === type && heard.version === version;
}
