import { DefectError } from "@mesh/base";
import { type Advance, advance } from "./advance.ts";
import type { Saga } from "./definition.ts";
import type { PinnedLimits } from "./limits.ts";
import { initialProgress, isTerminal, type Phase, type Progress, type Waiting, waitingFor } from "./progress.ts";
import type { SagaRecord, SagaTurnData } from "./saga_event.ts";
import type { Arrival, SagaActInput, SagaInput } from "./turn.ts";

/** One instance of a saga, as its history tells it; plain JSON. */
export interface SagaState {
  readonly saga: string;
  readonly correlation: string;
  /** Version of the definition that it runs on; null before it has started. */
  readonly version: number | null;
  readonly progress: Progress;
  /** Its next deadline, in milliseconds since 1970; null when only a message can move it. */
  readonly deadlineMs: number | null;
}

/**
 * @param saga Name of the saga.
 * @param correlation The flow that the instance belongs to.
 * @returns An instance of which nothing is known yet.
 */
export function initialSagaState(saga: string, correlation: string): SagaState {
  return { saga, correlation, version: null, progress: initialProgress, deadlineMs: null };
}

/** A turn that was taken: what to record, and everything it came to. */
export interface SagaTurn extends Advance {
  readonly record: SagaRecord;
}

/**
 * Lets one input come to an instance.
 *
 * @param definition The version that the instance runs on, or is to start with.
 * @param state Where the instance stands.
 * @param arrival What came, and when.
 * @returns What to record and send, or `undefined` when the input changes nothing.
 */
export function takeTurn(
  definition: Saga,
  { saga, correlation, progress: before }: SagaState,
  arrival: Arrival,
): SagaTurn | undefined {
  const result = advance(definition, before, arrival);
  const { input, nowMs, limits } = arrival;
  const { progress, asked, deadlineMs } = result;
  if (progress === before && asked.length === 0) return undefined;
  const { phase, at, failure, needsAttention } = progress;
  const common = {
    saga,
    version: definition.version,
    correlation,
    atMs: nowMs,
    asked: [...asked],
    phase,
    step: phase === "running" || phase === "turning-back" ? definition.steps[at]!.name : null,
    deadlineMs,
    ...(failure ? { failure: { step: failure.step, reason: failure.reason } } : {}),
    needsAttention,
  };
  if (input.kind === "act") return { ...result, record: { ...common, input } };
  return { ...result, record: { ...common, input: recordedInput(input, limits) } };
}

/** @returns The input as the record keeps it. */
function recordedInput(input: Exclude<SagaInput, SagaActInput>, limits: PinnedLimits): SagaTurnData["input"] {
  if (input.kind === "started") return { ...input, limits };
  return input.kind === "answer" ? { ...input, re: [...input.re] } : input;
}

/**
 * Folds one recorded turn by taking it again with the recorded input, moment and ids.
 *
 * @param definition The version that the turn names.
 * @throws {DefectError} If the definition no longer asks what was asked then: its code was changed without a version.
 */
export function replayTurn(definition: Saga, state: SagaState, record: SagaRecord): SagaState {
  const ids = record.asked.map(({ id }) => id);
  let drawn = 0;
  const limits = record.input.kind === "started" ? record.input.limits : state.progress.limits;
  const { progress, asked, deadlineMs } = advance(definition, state.progress, {
    input: record.input,
    nowMs: record.atMs,
    newId: () => ids[drawn++] ?? "",
    limits: limits as PinnedLimits,
  });
  const isLost = record.input.kind === "act" && progress === state.progress;
  if (isLost || progress.phase !== record.phase || outlineOf(asked) !== outlineOf(record.asked)) {
    throw new DefectError(
      `Cannot replay saga "${record.saga}#${record.version}" of "${record.correlation}": history says ` +
        `"${record.phase}" after ${outlineOf(record.asked)}, the definition says "${progress.phase}" after ${
          outlineOf(asked)
        }`,
    );
  }
  return stateAfter(definition, state, { progress, deadlineMs });
}

/** @returns Where the instance stands after a turn that came to this. */
export function stateAfter(
  { version }: Pick<Saga, "version">,
  { saga, correlation }: SagaState,
  { progress, deadlineMs }: Pick<Advance, "progress" | "deadlineMs">,
): SagaState {
  return { saga, correlation, version: progress.phase === "not-started" ? null : version, progress, deadlineMs };
}

function outlineOf(asked: SagaRecord["asked"] | Advance["asked"]): string {
  return `[${asked.map((one) => `${one.direction} ${one.step}.${one.line} ${one.type}`).join(", ")}]`;
}

/** One instance in an operator's list. */
export interface SagaView {
  readonly saga: string;
  readonly correlation: string;
  readonly version: number | null;
  readonly phase: Phase;
  readonly isTerminal: boolean;
  /** The step being done or undone; null when there is none. */
  readonly step: string | null;
  readonly needsAttention: boolean;
  readonly waitingFor: readonly Waiting[];
  readonly deadlineMs: number | null;
  readonly failure: { readonly step: string; readonly reason: string } | null;
}

/** @returns What an operator wants to know of an instance. */
export function sagaView({ saga, correlation, version, progress, deadlineMs }: SagaState): SagaView {
  const { phase, at, steps, needsAttention, failure } = progress;
  return {
    saga,
    correlation,
    version,
    phase,
    isTerminal: isTerminal(progress),
    step: phase === "running" || phase === "turning-back" ? steps[at]!.name : null,
    needsAttention,
    waitingFor: waitingFor(progress),
    deadlineMs,
    failure: failure && { step: failure.step, reason: failure.reason },
  };
}
