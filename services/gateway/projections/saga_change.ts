import type { SagaTurnData } from "@mesh/saga";
import type { LogEntry, OrderRow } from "./order_row.ts";

/** What a saga's turn means to somebody who watches; `undefined` where it only counts another answer. */
export function sagaChange(
  before: OrderRow["saga"],
  turn: Pick<SagaTurnData, "phase" | "step" | "failure" | "needsAttention">,
): Pick<LogEntry, "step" | "outcome" | "next"> | undefined {
  const { phase, step, failure, needsAttention } = turn;
  const was = before?.phase ?? "not-started";
  const next = step === null ? {} : { next: step };
  if (was === "not-started" && phase === "running") return { step: step ?? "order", outcome: "started" };
  if (phase === "completed" || phase === "rejected") {
    return was === phase ? undefined : { step: "saga", outcome: phase };
  }
  if (was === "running" && (phase === "turning-back" || phase === "rejecting")) {
    return { step: failure?.step ?? before?.step ?? "order", outcome: failure?.reason ?? "unknown", ...next };
  }
  if (before !== null && before.step !== null && before.step !== step) {
    return { step: before.step, outcome: was === "turning-back" ? "undone" : "succeeded", ...next };
  }
  if (needsAttention && before?.needsAttention !== true) return { step: step ?? "order", outcome: "delayed" };
  return undefined;
}
