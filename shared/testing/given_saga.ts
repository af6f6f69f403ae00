import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { DefectError, sequentialIds } from "@mesh/base";
import { answering, type AnyCommand, type AnyEvent, type AnyMessage } from "@mesh/contract";
import {
  type Advance,
  advance,
  type Arrival,
  initialSagaState,
  inputFrom,
  type LimitOverrides,
  nothingToUndo,
  pinLimits,
  type Progress,
  replayTurn,
  type Saga,
  type SagaInput,
  type SagaState,
  takeTurn,
  type Waiting,
  waitingFor,
} from "@mesh/saga";
import { received, testStart } from "./fixtures.ts";

/** Time passes until the saga's next deadline. */
export interface DeadlinePassed {
  readonly kind: "deadline";
}

/** @returns The input that lets time pass until the saga's next deadline. */
export function deadlinePassed(): DeadlinePassed {
  return { kind: "deadline" };
}

/**
 * Says which command an event answers, where the test kit must not find out by itself: for answers that come late or
 * twice.
 *
 * @param command From a saga's `turn(…).commands`.
 * @param event The answer.
 */
export function answerTo<E extends AnyEvent>({ id }: { readonly id: string }, event: E): E {
  return answering([id], event);
}

/** What comes to a saga in a test; a command where one starts it. */
export type SagaStimulus = AnyMessage | DeadlinePassed;

/** A saga with a history, waiting for what comes next. */
export interface GivenSaga {
  /** What the history comes to. */
  readonly progress: Progress;
  /** The commands whose answers it waits for. */
  readonly waitingFor: readonly Waiting[];
  /** Its next deadline, in milliseconds since 1970; null when only a message can move it. */
  readonly deadlineMs: number | null;
  /**
   * Lets something come.
   *
   * An event that names no command (`re`) answers what the saga waits for from that very actor.
   *
   * @returns What the saga sends, as the contracts make it; ids, `undoes` and expiry are in `turn`.
   * @throws {DefectError} If an answer fits nothing that the saga waits for; use `answerTo` to try one on purpose.
   */
  when(stimulus: SagaStimulus): readonly AnyCommand[];
  /** Lets something come, and shows everything that follows. */
  turn(stimulus: SagaStimulus): Advance;
}

interface Moment {
  readonly state: SagaState;
  readonly nowMs: number;
  /** Commands sent so far. */
  readonly sent: number;
}

/** Lets the history come, one by one; see `given`. */
export function givenSaga(saga: Saga, history: readonly SagaStimulus[], overrides: LimitOverrides = {}): GivenSaga {
  const messageIds = sequentialIds(testStart.getTime() + 1);
  const limits = pinLimits(overrides);
  const start: Moment = { state: initialSagaState(saga.name, "test"), nowMs: testStart.getTime(), sent: 0 };
  const play = ({ state, nowMs, sent }: Moment, stimulus: SagaStimulus) => {
    const momentMs = stimulus.kind === "deadline" ? dueAtMs(saga, state) : nowMs;
    const input = inputOf(saga, state, { stimulus, messageId: messageIds.next() });
    // Ids follow from the history alone, so that two looks at what comes next can be compared.
    const arrival = { input, nowMs: momentMs, newId: idsAfter(sent), limits };
    const { result, after } = take(saga, state, arrival);
    return { result, moment: { state: after, nowMs: momentMs, sent: sent + result.commands.length } };
  };
  const now = history.reduce<Moment>((moment, stimulus) => play(moment, stimulus).moment, start);
  const { state } = now;
  const turn = (stimulus: SagaStimulus) => play(now, stimulus).result;
  return {
    progress: state.progress,
    waitingFor: waitingFor(state.progress),
    deadlineMs: state.deadlineMs,
    turn,
    when: (stimulus) => turn(stimulus).commands.map(({ id: _id, undoes: _undoes, expiresAtMs: _ms, ...bare }) => bare),
  };
}

/** Takes one turn, and shows that its record alone, as JSON, comes to the same. */
function take(saga: Saga, state: SagaState, arrival: Arrival): { readonly result: Advance; readonly after: SagaState } {
  const taken = takeTurn(saga, state, arrival);
  if (taken === undefined) return { result: advance(saga, state.progress, arrival), after: state };
  const after = replayTurn(saga, state, JSON.parse(JSON.stringify(taken.record)));
  assertEquals(JSON.stringify(after.progress), JSON.stringify(taken.progress));
  return { result: taken, after };
}

function idsAfter(sent: number): () => string {
  const ids = sequentialIds();
  for (let drawn = 0; drawn < sent; drawn += 1) ids.next();
  return ids.next;
}

function dueAtMs(saga: Saga, { deadlineMs }: SagaState): number {
  if (deadlineMs === null) throw new DefectError(`Cannot let time pass: saga "${saga.name}" has no deadline here`);
  return deadlineMs;
}

function inputOf(
  saga: Saga,
  state: SagaState,
  { stimulus, messageId }: { readonly stimulus: SagaStimulus; readonly messageId: string },
): SagaInput {
  if (stimulus.kind === "deadline") return stimulus;
  const input = inputFrom(saga, received(stimulus, { id: messageId }));
  if (input.kind !== "answer" || stimulus.re !== undefined) return input;
  return { ...input, re: [commandAnsweredBy(saga, state.progress, stimulus)] };
}

/** The command that the event can only be an answer to: asked of the actor that says the event. */
function commandAnsweredBy(saga: Saga, progress: Progress, event: AnyMessage): string {
  const waiting = waitingFor(progress);
  const found = waiting.find(({ direction, line }) => {
    const step = saga.steps[progress.at];
    const isKey = step === undefined || progress.steps[progress.at]!.lines[line]!.key === event.key;
    const answers = direction === "end"
      ? [saga.ends[progress.phase === "completing" ? "completed" : "rejected"].succeedsOn]
      : direction === "do"
      ? [step!.succeedsOn, step!.failsOn]
      : step!.compensate === nothingToUndo
      ? []
      : [step!.compensate.succeedsOn];
    return isKey && answers.some((answer) => answer?.type === event.type && answer.version === event.version);
  });
  if (found !== undefined) return found.id;
  const list = waiting.map(({ direction, step, line }) => `${direction} ${step}.${line}`).join(", ") || "nothing";
  throw new DefectError(
    `Cannot answer with "${event.type}" of "${event.key}": saga "${saga.name}" waits for ${list}`,
  );
}
