import { invariant } from "@mesh/base";
import type { AnyCommand } from "@mesh/contract";
import { type Failure, nothingToUndo, type Step } from "./definition.ts";
import { giveUpAfterMs, type Line, type Progress, resultsOf } from "./progress.ts";
import { ask, change, changeLines, type Turn } from "./turn.ts";

/** Starts the step at `at`, or tells success when there is none left; steps that have nothing to ask are passed. */
export function enter(turn: Turn, at: number): void {
  const { saga, arrival: { nowMs } } = turn;
  for (let index = at; index < saga.steps.length; index += 1) {
    const step = saga.steps[index]!;
    const sent = sentBy(turn, step, index);
    const commands = listOf(sent);
    const limitMs = giveUpAfterMs(saga, index, turn.progress.limits);
    const expiry = limitMs === undefined ? {} : { expiresAtMs: nowMs + limitMs };
    const lines = commands.map((command, line): Line => {
      const message = { ...command, ...expiry };
      const id = ask(turn, step, { message, step: step.name, line, attempt: 1, direction: "do" });
      return { ids: [id], key: command.key, sent: command.data, status: "asked" };
    });
    const steps = [...turn.progress.steps, { name: step.name, isList: Array.isArray(sent), lines }];
    change(turn, { ...fresh(nowMs), at: index, steps });
    if (lines.length > 0) return;
  }
  finish(turn, "completed");
}

/** Sends a new attempt, under a new id, for every refused command whose wait is over. */
export function askAgain(turn: Turn, step: Step): void {
  const { progress, arrival: { nowMs } } = turn;
  const isDue = ({ retryAtMs }: Line) => retryAtMs !== undefined && retryAtMs <= nowMs;
  if (!progress.steps[progress.at]!.lines.some(isDue)) return;
  const commands = listOf(sentBy(turn, step, progress.at));
  changeLines(turn, (line, index) => {
    if (!isDue(line)) return line;
    const attempt = line.ids.length + 1;
    const id = ask(turn, step, { message: commands[index]!, step: step.name, line: index, attempt, direction: "do" });
    return { ids: [...line.ids, id], key: line.key, sent: line.sent, status: "asked" };
  });
}

/** Undoes the step at `from` or the nearest one before it that has something to undo; else tells the failure. */
export function turnBack(turn: Turn, from: number, failure: Failure): void {
  const { saga, arrival: { nowMs } } = turn;
  change(turn, { failure, isCancellationPending: false });
  for (let at = from; at >= 0; at -= 1) {
    const { name, compensate } = saga.steps[at]!;
    const { lines } = turn.progress.steps[at]!;
    // A refused command has had no effect. One without an answer may have had its effect.
    if (compensate === nothingToUndo || lines.every(({ status }) => status === "refused")) continue;
    const known = { start: turn.progress.start, done: resultsOf(turn.progress, at) };
    change(turn, { ...fresh(nowMs), phase: "turning-back", at });
    changeLines(turn, (line, index) => {
      if (line.status === "refused") return line;
      const result = line.status === "succeeded" ? { result: line.result } : {};
      const message = { ...compensate.send(line.sent, { ...known, ...result }), undoes: line.ids };
      // The mailbox of one key is what keeps a command and its undo from being handled at the same time.
      invariant(message.key === line.key, `Cannot undo step "${name}": "${message.type}" goes to another key`);
      const id = ask(turn, compensate, { message, step: name, line: index, attempt: 1, direction: "undo" });
      return { ...line, undo: { id, isAnswered: false } };
    });
    return;
  }
  finish(turn, "rejected");
}

/** Tells the outcome. */
function finish(turn: Turn, outcome: "completed" | "rejected"): void {
  const { saga, progress, arrival: { nowMs } } = turn;
  const end = saga.ends[outcome];
  const known = outcome === "completed" ? resultsOf(progress, saga.steps.length) : progress.failure;
  const message = end.send(progress.start, known);
  change(turn, {
    ...fresh(nowMs),
    phase: outcome === "completed" ? "completing" : "rejecting",
    at: saga.steps.length,
    endId: ask(turn, end, { message, step: outcome, line: 0, attempt: 1, direction: "end" }),
  });
}

/** Answers a request to stop that came too late. */
export function refuseCancellation(turn: Turn): void {
  const refusal = turn.saga.cancelledBy!;
  const message = refusal.refuse(turn.progress.start);
  ask(turn, refusal, { message, step: "cancellation", line: 0, attempt: 1, direction: "refuse" });
}

/** What is waited for begins anew with each step, undo and end. */
function fresh(nowMs: number): Pick<Progress, "sinceMs" | "shiftMs" | "needsAttention" | "isAttentionOff"> {
  return { sinceMs: nowMs, shiftMs: 0, needsAttention: false, isAttentionOff: false };
}

function sentBy({ progress }: Turn, step: Step, at: number): AnyCommand | readonly AnyCommand[] {
  return step.send(progress.start, resultsOf(progress, at));
}

function listOf<T>(one: T | readonly T[]): readonly T[] {
  return Array.isArray(one) ? one : [one as T];
}
