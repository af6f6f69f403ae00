import type { EventContract } from "@mesh/contract";
import { type SagaAct, shiftMaxMs } from "./act.ts";
import { takeAnswer } from "./answers.ts";
import { nothingToUndo, type Saga } from "./definition.ts";
import { askAgain, turnBack } from "./moves.ts";
import { deadlineOf, isTerminal, type Line, type Progress, wakesFor } from "./progress.ts";
import { change, changeLines, type Turn } from "./turn.ts";

/**
 * Says why an act is not possible where a saga stands. Pure; an act that is possible stays so when it is replayed.
 *
 * @param nowMs The moment on the database's clock, in milliseconds since 1970.
 * @returns `undefined` when it is possible; else what stands against it, as the end of a sentence.
 */
export function refusalOf(
  saga: Saga,
  progress: Progress,
  { act, nowMs }: { readonly act: SagaAct; readonly nowMs: number },
): string | undefined {
  if (progress.phase === "not-started") return "it has not started";
  if (isTerminal(progress)) return `it is over: ${progress.phase}`;
  switch (act.name) {
    case "shift-timer":
      return shiftRefusal(saga, progress, act.byMs, nowMs);
    case "cancel-timer":
      return cancelRefusal(saga, progress);
    case "resume":
      return isHeld(progress) ? undefined : "it does not need attention";
    case "retry-step":
      return undefined;
    case "compensate":
      return compensateRefusal(saga, progress);
    case "settle":
      return settleRefusal(saga, progress, act);
  }
}

/** Carries an act out that is possible; the caller has asked {@link refusalOf}. */
export function operate(turn: Turn, act: SagaAct, id: string): void {
  change(turn, { acts: [...turn.progress.acts, { id, act }] });
  switch (act.name) {
    case "shift-timer":
      change(turn, { shiftMs: turn.progress.shiftMs + act.byMs });
      return delayed(turn, (retryAtMs) => retryAtMs + act.byMs);
    case "cancel-timer":
      return change(turn, { isAttentionOff: true });
    case "resume": {
      const shiftMs = turn.arrival.nowMs - turn.progress.sinceMs;
      change(turn, { needsAttention: false, isAttentionOff: false, shiftMs });
      return askNow(turn);
    }
    case "retry-step":
      return askNow(turn);
    case "compensate": {
      const { at } = turn.progress;
      return turnBack(turn, at, { step: turn.saga.steps[at]!.name, reason: "unknown" });
    }
    case "settle":
      return settle(turn, act, id);
  }
}

/**
 * Names the commands that nobody has to answer any more once an act is carried out.
 *
 * @returns Message ids; empty for every act but `settle`.
 */
export function idsSettledBy(saga: Saga, progress: Progress, act: SagaAct): readonly string[] {
  if (act.name !== "settle") return [];
  const target = targetOf(saga, progress, act);
  return typeof target === "string" ? [] : [target.id];
}

function shiftRefusal(saga: Saga, progress: Progress, byMs: number, nowMs: number): string | undefined {
  const deadlineMs = deadlineOf(saga, progress);
  if (deadlineMs === null) return "it has no deadline: only a message can move it";
  if (deadlineMs + byMs > nowMs + shiftMaxMs) return "its deadline would lie more than 30 days ahead";
}

function cancelRefusal(saga: Saga, progress: Progress): string | undefined {
  switch (wakesFor(saga, progress)) {
    case undefined:
      return "it has no deadline: only a message can move it";
    case "give-up":
      return "its deadline is the only thing that ends the wait for a lost answer; shift it, or compensate";
    case "attempt":
      return "a refused command would never be asked for again; shift it instead";
    case "attention":
      return undefined;
  }
}

function compensateRefusal({ steps }: Saga, { phase, at }: Progress): string | undefined {
  if (phase === "turning-back" || phase === "rejecting") return "it is turning back already";
  if (phase === "completing") return "it is past the point of no return";
  const { kind, name } = steps[at]!;
  if (kind === "step") return undefined;
  return kind === "pivot"
    ? `nobody knows what came of its pivot "${name}", and that cannot be undone; find out, then settle it`
    : `it is past the point of no return: "${name}" must succeed`;
}

/** Says why nothing of a saga can be settled by hand, whatever is said; asked where it is under way. */
export function settlingRefusal({ steps }: Saga, progress: Progress): string | undefined {
  const step = progress.phase === "running" ? steps[progress.at] : undefined;
  if (step?.kind === "step") return `"${step.name}" can be undone; compensate it`;
  return isHeld(progress) ? undefined : "it does not need attention yet; what is answered late settles itself";
}

function settleRefusal(saga: Saga, progress: Progress, act: Settle): string | undefined {
  const refusal = settlingRefusal(saga, progress);
  if (refusal !== undefined) return refusal;
  const target = targetOf(saga, progress, act);
  if (typeof target === "string") return target;
  if (target.answer === undefined) return `"${target.step}" cannot be refused: it must succeed`;
  if (!target.isDataRead) return undefined;
  const read = target.answer.schema.safeParse(act.data);
  if (read.success) return undefined;
  const issue = read.error.issues[0];
  const where = issue?.path.join(".") || "data";
  return `data of "${target.answer.type}" is needed: ${where}: ${issue?.message}`;
}

/** Whether it waits for longer than it should, or somebody has said that it may. */
function isHeld({ needsAttention, isAttentionOff }: Progress): boolean {
  return needsAttention || isAttentionOff;
}

type Settle = Extract<SagaAct, { name: "settle" }>;

/** The command that is settled, and what its receiver would have said. */
interface Target {
  readonly step: string;
  readonly id: string;
  readonly line: number;
  /** Absent where there is no such answer. */
  readonly answer: EventContract | undefined;
  /** Whether later steps, or the end, may read the answer. */
  readonly isDataRead: boolean;
}

/** @returns The command, or why it cannot be told. */
function targetOf(saga: Saga, progress: Progress, { outcome, line }: Settle): Target | string {
  const { phase, at, steps, endId } = progress;
  const isSuccess = outcome === "succeeded";
  if (phase === "completing" || phase === "rejecting") {
    const name = phase === "completing" ? "completed" : "rejected";
    const answer = isSuccess ? saga.ends[name].succeedsOn : undefined;
    return { step: name, id: endId!, line: 0, answer, isDataRead: false };
  }
  const step = saga.steps[at]!;
  const isUndo = phase === "turning-back";
  const open = steps[at]!.lines.flatMap((one, index) => isOpen(one, isUndo) ? [index] : []);
  const chosen = line ?? (open.length === 1 ? open[0]! : undefined);
  if (chosen === undefined) return `${open.length} commands of "${step.name}" are open; name one: ${open.join(", ")}`;
  if (!open.includes(chosen)) return `command ${chosen} of "${step.name}" is not open; open are ${open.join(", ")}`;
  const { ids, undo } = steps[at]!.lines[chosen]!;
  if (isUndo) {
    const { compensate } = step;
    const answer = isSuccess && compensate !== nothingToUndo ? compensate.succeedsOn : undefined;
    return { step: `undo ${step.name}`, id: undo!.id, line: chosen, answer, isDataRead: false };
  }
  // A step that must succeed may be refused, but by its receiver only: that means a new attempt and no way back.
  const refusal = step.kind === "pivot" ? step.failsOn : undefined;
  const answer = isSuccess ? step.succeedsOn : refusal;
  return { step: step.name, id: ids.at(-1)!, line: chosen, answer, isDataRead: true };
}

function isOpen({ status, undo }: Line, isUndo: boolean): boolean {
  return isUndo ? undo?.isAnswered === false : status === "asked" || status === "delayed";
}

/** Lets the answer come that nobody gave. */
function settle(turn: Turn, act: Settle, id: string): void {
  const target = targetOf(turn.saga, turn.progress, act);
  if (typeof target === "string" || target.answer === undefined) return;
  if (turn.progress.phase === "running") {
    changeLines(
      turn,
      ({ retryAtMs, ...line }, index) =>
        index === target.line ? { ...line, status: "asked" } : retryAtMs === undefined ? line : { ...line, retryAtMs },
    );
  }
  const { type, version } = target.answer;
  takeAnswer(turn, { kind: "answer", id, type, version, re: [target.id], data: act.data });
}

/** Asks for refused commands now; the same bytes of unanswered ones are the outbox's to send. */
function askNow(turn: Turn): void {
  if (turn.progress.phase !== "running") return;
  delayed(turn, (retryAtMs) => Math.min(retryAtMs, turn.arrival.nowMs));
  askAgain(turn, turn.saga.steps[turn.progress.at]!);
}

/** Changes when refused commands are asked for again. */
function delayed(turn: Turn, move: (retryAtMs: number) => number): void {
  const { phase, at, steps } = turn.progress;
  if (phase !== "running" || steps[at]!.lines.every(({ retryAtMs }) => retryAtMs === undefined)) return;
  changeLines(turn, (line) => line.retryAtMs === undefined ? line : { ...line, retryAtMs: move(line.retryAtMs) });
}
