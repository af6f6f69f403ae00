import type { Behaviour, Cause } from "@mesh/actor";
import { ConflictError, type IdSource } from "@mesh/base";
import { type AnyEvent, systemContracts } from "@mesh/contract";
import { noWrites, type OutboxEntry, type Store, type StoredDeadLetter } from "@mesh/store";
import { actorOperations } from "./actor_operations.ts";
import type { DatabaseClock } from "./database_clock.ts";
import { attemptHeader, traceOf } from "./intake.ts";
import type { InstanceView, Operations } from "./operator_routes.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import type { Rebuilds } from "./rebuild.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { Speaker } from "./speaker.ts";
import { SystemLog } from "./system_log.ts";
import type { TurnLoop } from "./turn_loop.ts";

/** What operations need. */
export interface OperationsOptions {
  readonly service: string;
  readonly store: Store;
  readonly loop: TurnLoop;
  readonly publisher: OutboxPublisher;
  readonly systemLog: SystemLog;
  readonly speaker: Pick<Speaker, "seal">;
  readonly ids: IdSource;
  readonly databaseClock: DatabaseClock;
  readonly settings: Pick<RuntimeSettings, "tiersMs">;
  readonly rebuilds: Rebuilds;
  readonly behaviour?: Behaviour;
  /** Shows one actor's state for lists; absent where there is nothing to show. */
  readonly viewOf?: (stream: string) => Promise<unknown>;
}

/** What operators do, each act recorded with a signed event in the same transaction. */
export function operationsOf(options: OperationsOptions): Operations {
  const { store, loop, publisher, systemLog, rebuilds } = options;
  return {
    ...actorOperations(options),
    newId: () => options.ids.next(),
    status: () => store.readStatus(),
    listDeadLetters: (query) => store.listDeadLetters(query),
    findDeadLetter: (id) => store.findDeadLetter(id),
    settleDeadLetters: (ids, status, reason, by) =>
      loop.exclusively(() => settle(options, [...new Set(ids)], status, reason, by)),
    redriveOutbox: (reason, by) =>
      loop.exclusively(async () => {
        // What the broker confirmed before it lost everything must not be taken for fresh afterwards.
        await publisher.settleAll();
        const due = await store.redriveOutbox();
        const act = await actOf(options, "outbox-redriven", reason, [String(due)], by);
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
      await loop.exclusively(() => record(options, "projection-rebuild-started", reason, [projection], by));
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

/** Records an act that changes nothing else in the store. */
async function record(
  options: OperationsOptions,
  action: string,
  reason: string,
  subjects: readonly string[],
  by: Cause,
): Promise<void> {
  await recordInLog(options, eventOf(options, action, reason, subjects), by);
}

/** What recording in the service's log needs. */
export type LogOptions = Pick<
  OperationsOptions,
  "store" | "publisher" | "systemLog" | "speaker" | "ids" | "databaseClock"
>;

/**
 * Records one event in the service's log and nothing else. Between turns only, as the log has one writer.
 *
 * @throws {ConflictError} If another process wrote to the log meanwhile; asking again helps.
 */
export async function recordInLog(options: LogOptions, event: AnyEvent, by: Cause): Promise<void> {
  const { store, publisher, systemLog } = options;
  const act = await appendOf(options, event, by);
  const result = await store.commit(act.writes);
  if (result.outcome === "conflict") {
    systemLog.forget();
    throw new ConflictError(`Cannot record "${event.type}": the log moved on; ask again`);
  }
  act.committed();
  publisher.enqueue(act.writes.outbox);
}

async function settle(
  options: OperationsOptions,
  ids: readonly string[],
  status: "redriven" | "discarded",
  reason: string,
  by: Cause,
): Promise<void> {
  const { store, publisher, systemLog } = options;
  const found: StoredDeadLetter[] = [];
  // Asked for anew: a process that was suspended knows the database's clock only roughly.
  const nowMs = await store.nowMs();
  for (const id of ids) {
    const letter = await store.findDeadLetter(id);
    if (letter === undefined || letter.status !== "dead") {
      throw new ConflictError(`Cannot settle dead letter "${id}": it is ${letter?.status ?? "unknown"}`);
    }
    if (status === "redriven") assertRedrivable(letter, nowMs);
    found.push(letter);
  }
  const act = await actOf(options, `dead-letter-${status}`, reason, ids, by);
  const outbox = status === "redriven" ? found.map((letter) => redriveOf(options, letter)) : [];
  const writes = { ...noWrites, ...act.writes, outbox: [...outbox, ...act.writes.outbox] };
  const result = await store.settleDeadLetters(ids.map((id) => ({ id, status })), writes);
  if (result.outcome === "conflict") {
    systemLog.forget();
    throw new ConflictError(`Cannot settle dead letters: ${result.stale.join(", ")} changed meanwhile`);
  }
  act.committed();
  publisher.enqueue(writes.outbox);
}

/**
 * How long after its death a message may be redriven. A command is sent for 30 days at most; with these 14 it still comes
 * within the 45 for which the inbox knows that it was handled.
 */
const redrivableDays = 14;

/** No envelope has one. */
const lineBreak = 10;

/** What cannot be proven, or was cut, never comes back; nor does what may have been handled and forgotten since. */
function assertRedrivable({ id, class: className, bodyBytes, body, diedAtMs }: StoredDeadLetter, nowMs: number): void {
  if (className === "untrusted") {
    throw new ConflictError(`Cannot redrive dead letter "${id}": it was never proven to be genuine`);
  }
  if (Uint8Array.fromBase64(body).length !== bodyBytes) {
    throw new ConflictError(`Cannot redrive dead letter "${id}": only its first 48 KiB were kept`);
  }
  if (Uint8Array.fromBase64(body).includes(lineBreak)) {
    throw new ConflictError(`Cannot redrive dead letter "${id}": it is no envelope`);
  }
  if (nowMs - diedAtMs > redrivableDays * 86_400_000) {
    throw new ConflictError(`Cannot redrive dead letter "${id}": it died more than ${redrivableDays} days ago`, {
      reason: "too-old",
    });
  }
}

/** A redrive starts over with the first attempt, through the shortest tier. */
function redriveOf({ ids, settings }: OperationsOptions, letter: StoredDeadLetter): OutboxEntry {
  return {
    id: ids.next(),
    kind: "retry",
    messageId: letter.messageId,
    type: letter.type,
    exchange: `mesh.retry.${settings.tiersMs[0]}`,
    routingKey: letter.queue,
    correlation: letter.correlation,
    orderKey: `redrive/${letter.id}`,
    isMandatory: true,
    headers: { ...traceOf(letter.headers), [attemptHeader]: "1" },
    envelope: new TextDecoder().decode(Uint8Array.fromBase64(letter.body)),
    sentCount: 0,
  };
}

async function actOf(
  options: OperationsOptions,
  action: string,
  reason: string,
  subjects: readonly string[],
  by: Cause,
) {
  return await appendOf(options, eventOf(options, action, reason, subjects), by);
}

function eventOf(
  { service }: OperationsOptions,
  action: string,
  reason: string,
  subjects: readonly string[],
): AnyEvent {
  const { OperatorActed } = systemContracts(service);
  return OperatorActed({ log: SystemLog.key(0), action, reason, subjects: subjects.slice(0, 1000) });
}

async function appendOf({ systemLog, speaker, ids, databaseClock }: LogOptions, event: AnyEvent, by: Cause) {
  await systemLog.load(0);
  const { events, outbox, expected, snapshots, committed } = systemLog.append(0, [event], {
    correlation: ids.next(),
    causation: null,
    cause: by,
    headers: {},
    nowMs: databaseClock.nowMs(),
  });
  return { writes: speaker.seal({ ...noWrites, events, outbox, expected, snapshots }), committed };
}
