import type { Behaviour, Cause } from "@mesh/actor";
import { ConflictError } from "@mesh/base";
import type { StoredDeadLetter } from "@mesh/store";
import { actorOperations } from "./actor_operations.ts";
import { laneOperations, type LaneOperationsOptions, lanesTouched } from "./lane_operations.ts";
import { actOf, type LogOptions, operatorActed, recordInLog } from "./operator_log.ts";
import type { InstanceView, Operations } from "./operator_routes.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import type { Rebuilds } from "./rebuild.ts";
import { redriveEntry, type RedriveJudge, type Verdict } from "./redrive_judge.ts";
import type { RedriveOperations } from "./redrive_operations.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { TurnLoop } from "./turn_loop.ts";

/** What operations need. */
export interface OperationsOptions extends LogOptions {
  readonly service: string;
  readonly loop: TurnLoop;
  readonly publisher: OutboxPublisher;
  readonly settings: Pick<RuntimeSettings, "tiersMs">;
  readonly rebuilds: Rebuilds;
  readonly judge: Pick<RedriveJudge, "judge">;
  readonly behaviour?: Behaviour;
  /** Shows one actor's state for lists; absent where there is nothing to show. */
  readonly viewOf?: (stream: string) => Promise<unknown>;
}

/** What operators do, each act recorded with a signed event in the same transaction. */
export function operationsOf(options: LaneOperationsOptions): Omit<Operations, keyof RedriveOperations> {
  const { store, loop, publisher, systemLog, rebuilds } = options;
  return {
    ...actorOperations(options),
    ...laneOperations(options),
    newId: () => options.ids.next(),
    status: () => store.readStatus(),
    listDeadLetters: (query) => store.listDeadLetters(query),
    findDeadLetter: (id) => store.findDeadLetter(id),
    settleDeadLetters: (ids, status, reason, by) =>
      loop.exclusively(() => settle(options, [...new Set(ids)], { status, reason, by }))
        .finally(() => lanesTouched(options)),
    redriveOutbox: (reason, by) =>
      loop.exclusively(async () => {
        // What the broker confirmed before it lost everything must not be taken for fresh afterwards.
        await publisher.settleAll();
        const due = await store.redriveOutbox();
        const act = await actOf(options, { action: "outbox-redriven", reason, subjects: [String(due)], by });
        const result = await store.commit(act.writes);
        if (result.outcome === "committed") {
          act.committed();
          publisher.enqueue(act.writes.outbox);
        } else systemLog.forget();
        return due;
      }),
    listRebuilds: () =>
      rebuilds.names.map((projection) => {
        const progress = rebuilds.find(projection);
        return { projection, ...(progress === undefined ? {} : { progress }) };
      }),
    rebuild: async (projection, reason, by) => {
      if (!rebuilds.names.includes(projection)) return undefined;
      rebuilds.assertIdle(projection);
      const action = "projection-rebuild-started";
      const event = operatorActed(options.service, { action, reason, subjects: [projection] });
      await loop.exclusively(() => recordInLog(options, event, by));
      return await rebuilds.start(projection);
    },
    listInstances: async ({ prefix, hasViews = true, ...page }) => {
      const streams = await store.listStreams({ prefix: `${options.service}/${prefix}`, ...page });
      const views: InstanceView[] = [];
      for (const { stream, version, recordedAtMs } of streams) {
        const view = hasViews ? await options.viewOf?.(stream) ?? null : null;
        views.push({ stream, version, updatedAtMs: recordedAtMs, view });
      }
      return views;
    },
  };
}

/** What becomes of dead letters, and what is recorded of it. */
export interface Settling {
  readonly status: "redriven" | "discarded";
  readonly reason: string;
  readonly by: Cause;
  /** What is recorded; the dead letters under the status if absent. */
  readonly action?: { readonly name: string; readonly subjects: readonly string[] };
}

/**
 * Settles dead letters. Between turns only, as the service's log has one writer.
 *
 * @throws {ConflictError} If one of them is not dead any more, or may not be redriven (any more).
 */
export async function settle(
  options: OperationsOptions,
  ids: readonly string[],
  { status, reason, by, action = { name: `dead-letter-${status}`, subjects: ids } }: Settling,
): Promise<void> {
  const { store, publisher, systemLog, judge } = options;
  const found: StoredDeadLetter[] = [];
  for (const id of ids) {
    const letter = await store.findDeadLetter(id);
    if (letter === undefined || letter.status !== "dead") {
      throw new ConflictError(`Cannot settle dead letter "${id}": it is ${letter?.status ?? "unknown"}`);
    }
    found.push(letter);
  }
  if (status === "redriven") assertRedrivable(await judge.judge(found));
  const act = await actOf(options, { action: action.name, reason, subjects: action.subjects, by });
  const outbox = status === "redriven" ? found.map((letter) => redriveEntry(options, letter)) : [];
  const writes = { ...act.writes, outbox: [...outbox, ...act.writes.outbox] };
  const result = await store.settleDeadLetters(ids.map((id) => ({ id, status })), writes);
  if (result.outcome === "conflict") {
    systemLog.forget();
    throw new ConflictError(`Cannot settle dead letters: ${result.stale.join(", ")} changed meanwhile`);
  }
  act.committed();
  publisher.enqueue(writes.outbox);
}

/** @throws {ConflictError} If one of them may not be redriven; none is then. */
function assertRedrivable(verdicts: readonly Verdict[]): void {
  const refused = verdicts.find(({ why }) => why !== "");
  if (refused === undefined) return;
  const { letter, why, detail } = refused;
  throw new ConflictError(`Cannot redrive dead letter "${letter.id}": ${detail}`, { reason: why });
}
