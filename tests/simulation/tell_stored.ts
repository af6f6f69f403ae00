import type { CommitResult, StoreOperation, TurnWrites } from "@mesh/store";
import type { Simulated } from "@mesh/testing/simulation";

/** Tells what a call has written. */
export function tellStored(
  { tell }: Simulated,
  service: string,
  { operation, args, result }: {
    readonly operation: StoreOperation;
    readonly args: readonly unknown[];
    readonly result: unknown;
  },
): void {
  if (operation !== "commit") {
    if (writingOperations.has(operation)) tell?.(`${service} db`, operation, {});
    return;
  }
  const { inbox, voided, events, outbox, effects, endedEffects, answered } = args[0] as TurnWrites;
  const { outcome } = result as CommitResult;
  const parts = [
    ...inbox.map(({ messageId }) => `handled ${messageId.slice(-6)}`),
    ...voided.map(({ messageId }) => `voided ${messageId.slice(-6)}`),
    ...events.map(({ type, id, version, data }) => `${type} ${id.slice(-6)} @${version} ${JSON.stringify(data)}`),
    ...outbox.filter(({ kind }) => kind !== "event").map(({ kind, type, messageId }) =>
      `${kind} ${type} ${messageId.slice(-6)}`
    ),
    ...effects.map(({ id, effect }) => `asks for ${effect} ${id}`),
    ...endedEffects.map(({ id }) => `ends ${id}`),
    ...answered.map((id) => `answered ${id.slice(-6)}`),
  ];
  if (parts.length === 0) return;
  const correlations = [...events, ...outbox, ...effects].map(({ correlation }) => correlation);
  tell?.(`${service} db`, `${outcome}: ${parts.join("; ")}`, { correlations });
}

const writingOperations: ReadonlySet<StoreOperation> = new Set(["fireTimers", "finishEffect", "requeueAnswers"]);
