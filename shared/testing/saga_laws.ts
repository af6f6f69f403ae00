import { deepStrictEqual as assertEquals, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { nothingToUndo, type Saga, type SagaRecord } from "@mesh/saga";
import { playSaga, type SagaPlay, type SagaSamples } from "./saga_play.ts";

/** How many plays came to what; a law that was never put to the test proves nothing. */
export interface SagaPlayCounts {
  completed: number;
  refused: number;
  unknown: number;
  cancelled: number;
  /** Requests to stop that came too late. */
  stopsRefused: number;
  /** Plays with a second attempt of a step that must succeed. */
  retried: number;
  /** Plays in which a command came after its undo, or expired. */
  voided: number;
  /** Plays that needed attention at some time. */
  attention: number;
  /** Plays in which an operator did something. */
  operated: number;
}

/**
 * Checks what holds for every saga, over random schedules of loss, repetition, reordering, lateness, refusal, silence,
 * requests to stop and what operators do but settling by hand.
 *
 * Every play ends; nothing stays done against its outcome, not even when everything comes once more; undoing starts at
 * the failed step and goes back, last step first, through everything that may have had an effect, and waits for every
 * undo; the pivot is asked for once and never undone; no answer to a foreign command changes anything; the history folds to the state that was reached live; a request to stop is honoured or
 * refused.
 *
 * @param numRuns Plays.
 * @returns How many plays came to what.
 * @throws {AssertionError} With a short schedule that breaks a law.
 */
export function checkSagaLaws(saga: Saga, samples: SagaSamples, numRuns: number): Readonly<SagaPlayCounts> {
  const counts: SagaPlayCounts = {
    completed: 0,
    refused: 0,
    unknown: 0,
    cancelled: 0,
    stopsRefused: 0,
    retried: 0,
    voided: 0,
    attention: 0,
    operated: 0,
  };
  const schedules = fc.record({ seed: fc.nat(), wildCount: fc.nat(60), isOperated: fc.boolean() });
  fc.assert(
    fc.property(schedules, (schedule) => {
      const play = playSaga(saga, samples, schedule);
      checkHistory(play);
      checkShifts(play);
      checkOutcome(saga, play);
      checkWayBack(saga, play);
      checkAnswers(play);
      checkPivot(saga, play);
      checkStops(play);
      count(counts, play);
    }),
    { numRuns },
  );
  return counts;
}

/** The history alone, as JSON, tells everything. */
function checkHistory({ folded, progress, history }: SagaPlay): void {
  strictEqual(JSON.stringify(folded), JSON.stringify(progress));
  ok(history.every(({ needsAttention, phase }) => !needsAttention || phase !== "not-started"));
}

/** A shift moves the next deadline by just what was asked for; everything else that moves a step begins its waits anew. */
function checkShifts({ history }: SagaPlay): void {
  history.forEach(({ input, deadlineMs, asked }, at) => {
    if (input.kind !== "act" || input.act.name !== "shift-timer") return;
    strictEqual(deadlineMs, history[at - 1]!.deadlineMs! + input.act.byMs);
    assertEquals(asked, []);
  });
}

/** Completed: everything was done. Rejected: nothing that can be undone is still done, and nothing later ever was. */
function checkOutcome(saga: Saga, { progress, sent, participants: { effects } }: SagaPlay): void {
  const isCompleted = progress.phase === "completed";
  ok(isCompleted || progress.phase === "rejected", progress.phase);
  const doneCount = (name: string) =>
    sent.filter(({ asked, command }) =>
      asked.step === name && asked.direction === "do" && effects.get(command.id) === "done"
    ).length;
  saga.steps.forEach(({ name, kind, compensate }, at) => {
    if (isCompleted) return strictEqual(doneCount(name), progress.steps[at]!.lines.length, `${name} is done`);
    if (kind === "step" && compensate === nothingToUndo) return;
    strictEqual(doneCount(name), 0, `${name} is not done`);
  });
}

/** What is undone, step by step, as the recorded answers and the failure say it must be. */
function checkWayBack(saga: Saga, { history, progress, sent }: SagaPlay): void {
  const undone = history.flatMap(({ asked }) => {
    const undos = asked.filter(({ direction }) => direction === "undo");
    return undos.length === 0 ? [] : [{ step: undos[0]!.step, lines: undos.map(({ line }) => line) }];
  });
  const { failure } = progress;
  if (failure === null) return assertEquals(undone, []);
  const from = saga.steps.findIndex(({ name }) => name === failure.step);
  const refused = new Set(history.flatMap(({ input }) => refusedBy(saga.steps[from]!.failsOn!.type, input)));
  const expected = saga.steps.slice(0, from + 1).reverse().flatMap(({ name, compensate }) => {
    const asked = history.flatMap(({ asked }) => asked).filter(({ step, direction }) =>
      step === name && direction === "do"
    );
    const lines = asked.filter(({ id }) => name !== failure.step || !refused.has(id)).map(({ line }) => line);
    return compensate === nothingToUndo || lines.length === 0 ? [] : [{ step: name, lines }];
  });
  assertEquals(undone, expected);
  for (const { asked, command } of sent.filter(({ asked }) => asked.direction === "undo")) {
    const dos = sent.filter((one) =>
      one.asked.step === asked.step && one.asked.line === asked.line && one.asked.direction === "do"
    );
    assertEquals(command.undoes, dos.map((one) => one.command.id));
    assertEquals(command.key, dos[0]!.command.key);
  }
}

/** Nothing earlier is undone, and no failure told, before every undo has been answered; attempts repeat the same words. */
function checkAnswers({ history, sent }: SagaPlay): void {
  const answered = new Set<string>();
  const undos: string[] = [];
  for (const { input, asked } of history) {
    if (input.kind === "answer") input.re.forEach((id) => answered.add(id));
    if (asked.some(({ direction }) => direction === "undo" || direction === "end")) {
      ok(undos.every((id) => answered.has(id)), "an undo was not waited for");
    }
    undos.push(...asked.filter(({ direction }) => direction === "undo").map(({ id }) => id));
  }
  for (const { command, asked } of sent.filter(({ asked }) => asked.attempt > 1)) {
    const first = sent.find((one) => one.asked.step === asked.step && one.asked.line === asked.line)!;
    assertEquals([command.type, command.data], [first.command.type, first.command.data]);
  }
}

function refusedBy(type: string, input: SagaRecord["input"]): readonly string[] {
  return input.kind === "answer" && input.type === type ? input.re : [];
}

/** Asked for once at most, and no undo names it or anything after it. */
function checkPivot(saga: Saga, { sent }: SagaPlay): void {
  const undone = new Set(sent.flatMap(({ command }) => command.undoes ?? []));
  for (const { name, kind } of saga.steps.filter(({ kind }) => kind !== "step")) {
    const asked = sent.filter((one) => one.asked.step === name);
    if (kind === "pivot") ok(asked.length <= 1, `${name} was asked for ${asked.length} times`);
    ok(asked.every(({ command }) => !undone.has(command.id)), `${name} was undone`);
    ok(asked.every(({ command }) => command.expiresAtMs === undefined), `${name} expires`);
  }
}

/** A request to stop is honoured or refused, and nothing is stopped that nobody wanted stopped. */
function checkStops({ progress, cancellationCount, sent }: SagaPlay): void {
  const refusals = sent.filter(({ asked }) => asked.direction === "refuse").length;
  ok(refusals <= cancellationCount, `${refusals} refusals of ${cancellationCount} requests`);
  if (progress.phase === "completed" && cancellationCount > 0) ok(refusals > 0, "a request to stop was not refused");
  if (progress.failure?.reason === "cancelled") ok(cancellationCount > 0, "cancelled without a request");
}

function count(counts: SagaPlayCounts, { progress, sent, history, participants }: SagaPlay): void {
  counts[progress.failure?.reason ?? "completed"] += 1;
  counts.stopsRefused += sent.filter(({ asked }) => asked.direction === "refuse").length;
  counts.retried += sent.some(({ asked }) => asked.attempt > 1) ? 1 : 0;
  counts.voided += participants.voided.size > 0 ? 1 : 0;
  counts.operated += history.some(({ input }) => input.kind === "act") ? 1 : 0;
  counts.attention += history.some(({ needsAttention }) => needsAttention) ? 1 : 0;
}
