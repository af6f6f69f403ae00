import type { Cause } from "@mesh/actor";
import { ConflictError, type IdSource } from "@mesh/base";
import { type AnyEvent, systemContracts } from "@mesh/contract";
import { noWrites, type Store, type TurnWrites } from "@mesh/store";
import type { DatabaseClock } from "./database_clock.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import type { Speaker } from "./speaker.ts";
import { SystemLog } from "./system_log.ts";

/** What recording in the service's log needs. */
export interface LogOptions {
  readonly store: Store;
  readonly publisher: Pick<OutboxPublisher, "enqueue">;
  readonly systemLog: SystemLog;
  readonly speaker: Pick<Speaker, "seal">;
  readonly ids: IdSource;
  readonly databaseClock: DatabaseClock;
}

/** Writes that record something in the service's log. */
export interface LoggedWrites {
  readonly writes: TurnWrites;
  /** Moves the log's head, once they are committed. */
  committed(): void;
}

/** Subjects that one event names at most. */
const subjectsMax = 1_000;

/** Makes the event that says what an operator did to what. */
export function operatorActed(
  service: string,
  { action, reason, subjects }: Omit<OperatorDeed, "by">,
): AnyEvent {
  const { OperatorActed } = systemContracts(service);
  return OperatorActed({ log: SystemLog.key(0), action, reason, subjects: subjects.slice(0, subjectsMax) });
}

/** What an operator did, for the record. */
export interface OperatorDeed {
  readonly action: string;
  readonly reason: string;
  readonly subjects: readonly string[];
  readonly by: Cause;
}

/** An operator's act as the writes that record it. */
export async function actOf(
  options: LogOptions & { readonly service: string },
  { by, ...deed }: OperatorDeed,
): Promise<LoggedWrites> {
  return await logged(options, [operatorActed(options.service, deed)], by);
}

/** Signs events for the service's log. Between turns only, as the log has one writer. */
export async function logged(options: LogOptions, events: readonly AnyEvent[], by: Cause): Promise<LoggedWrites> {
  const { systemLog, speaker, ids, databaseClock } = options;
  await systemLog.load(0);
  const { committed, ...appended } = systemLog.append(0, events, {
    correlation: ids.next(),
    causation: null,
    cause: by,
    headers: {},
    nowMs: databaseClock.nowMs(),
  });
  return { writes: speaker.seal({ ...noWrites, ...appended }), committed };
}

/**
 * Records one event in the service's log and nothing else. Between turns only, as the log has one writer.
 *
 * @throws {ConflictError} If another process wrote to the log meanwhile; asking again helps.
 */
export async function recordInLog(options: LogOptions, event: AnyEvent, by: Cause): Promise<void> {
  const { store, publisher, systemLog } = options;
  const act = await logged(options, [event], by);
  const result = await store.commit(act.writes);
  if (result.outcome === "conflict") {
    systemLog.forget();
    throw new ConflictError(`Cannot record "${event.type}": the log moved on; ask again`);
  }
  act.committed();
  publisher.enqueue(act.writes.outbox);
}
