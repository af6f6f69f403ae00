import { type SagaAct, sagaActNames } from "./act.ts";
import { nothingToUndo, type Saga } from "./definition.ts";
import { refusalOf, settlingRefusal } from "./operate.ts";
import { giveUpAfterMs, type Phase, type WakesFor, wakesFor } from "./progress.ts";
import type { SagaState } from "./saga_state.ts";

/** One command that an instance waits for. */
export interface SagaWait {
  readonly step: string;
  /** Position among the step's commands, from 0. */
  readonly line: number;
  readonly direction: "do" | "undo" | "end";
  /** Type of the command. */
  readonly command: string;
  /** Actor key that it is addressed to; absent for an end. */
  readonly key?: string;
  /** Message id of the newest attempt. */
  readonly id: string;
  /** Attempts so far, each under an id of its own; from 1. The outbox sends each of them as often as it takes. */
  readonly attempt: number;
  /** When a refused command is asked for again, in milliseconds since 1970; absent while an answer is awaited. */
  readonly retryAtMs?: number;
  /** When the command loses its effect, in milliseconds since 1970: a shift does not reach what was sent before. */
  readonly expiresAtMs?: number;
}

/** Why an instance stands where it stands, and what may be done about it; plain JSON. */
export interface SagaExplanation {
  readonly saga: string;
  readonly correlation: string;
  readonly version: number | null;
  readonly phase: Phase;
  readonly step: string | null;
  readonly needsAttention: boolean;
  /** When the current step, undo or end began, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** By how much operators have moved what it waits for, in milliseconds. */
  readonly shiftMs: number;
  readonly waits: readonly SagaWait[];
  /** What happens when nothing comes until the deadline; null when only a message can move it. */
  readonly deadline: { readonly atMs: number; readonly for: WakesFor; readonly then: string } | null;
  /** Every act: null when it is possible now, else what stands against it. */
  readonly acts: Readonly<Record<SagaAct["name"], string | null>>;
}

/**
 * Explains an instance to an operator.
 *
 * @param definition The version that it runs on.
 * @param state Where it stands.
 * @param nowMs On the database's clock.
 */
export function explainSaga(definition: Saga, state: SagaState, nowMs: number): SagaExplanation {
  const { saga, correlation, version, progress, deadlineMs } = state;
  const { phase, at, needsAttention, sinceMs, shiftMs } = progress;
  const purpose = wakesFor(definition, progress);
  const refusals = sagaActNames.map((name) => [name, refusalByName(definition, state, name, nowMs)]);
  return {
    saga,
    correlation,
    version,
    phase,
    step: phase === "running" || phase === "turning-back" ? definition.steps[at]!.name : null,
    needsAttention,
    sinceMs,
    shiftMs,
    waits: waitsOf(definition, state),
    deadline: purpose === undefined || deadlineMs === null
      ? null
      : { atMs: deadlineMs, for: purpose, then: consequenceOf(definition, state, purpose) },
    acts: Object.fromEntries(refusals) as SagaExplanation["acts"],
  };
}

/** Why an act of that name is refused, for where the saga stands only; `settle` may still want more to be said. */
function refusalByName(definition: Saga, { progress }: SagaState, name: SagaAct["name"], nowMs: number): string | null {
  const act: SagaAct = name === "shift-timer"
    ? { name, byMs: -1 }
    : name === "settle"
    ? { name: "retry-step" }
    : { name };
  const refusal = refusalOf(definition, progress, { act, nowMs });
  return refusal ?? (name === "settle" ? settlingRefusal(definition, progress) : undefined) ?? null;
}

function consequenceOf({ steps }: Saga, { progress }: SagaState, purpose: WakesFor): string {
  const name = steps[progress.at]?.name;
  switch (purpose) {
    case "give-up":
      return `"${name}" counts as unknown: it and everything before it is undone, last first, and the saga is rejected`;
    case "attempt":
      return `what was refused of "${name}" is asked for again, under new ids`;
    case "attention":
      return "the saga needs attention; it goes on waiting, and its commands are sent again as before";
  }
}

function waitsOf(definition: Saga, { progress }: SagaState): readonly SagaWait[] {
  const { phase, at, steps, endId, sinceMs, limits } = progress;
  if (phase === "completing" || phase === "rejecting") {
    const step = phase === "completing" ? "completed" : "rejected";
    const command = definition.ends[step].command.type;
    return [{ step, line: 0, direction: "end", command, id: endId!, attempt: 1 }];
  }
  if (phase !== "running" && phase !== "turning-back") return [];
  const { name: step, compensate, command: { type } } = definition.steps[at]!;
  const limitMs = giveUpAfterMs(definition, at, limits);
  return steps[at]!.lines.flatMap(({ key, ids, status, retryAtMs, undo }, line): readonly SagaWait[] => {
    if (phase === "turning-back") {
      if (undo?.isAnswered !== false || compensate === nothingToUndo) return [];
      return [{ step, line, direction: "undo", command: compensate.command.type, key, id: undo.id, attempt: 1 }];
    }
    if (status !== "asked" && status !== "delayed") return [];
    return [{
      step,
      line,
      direction: "do",
      command: type,
      key,
      id: ids.at(-1)!,
      attempt: ids.length,
      ...(retryAtMs === undefined ? {} : { retryAtMs }),
      ...(limitMs === undefined ? {} : { expiresAtMs: sinceMs + limitMs }),
    }];
  });
}
