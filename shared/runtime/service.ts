import type { Cause } from "@mesh/actor";
import { type AnyCommand, type AnyEvent, hasMailbox } from "@mesh/contract";
import { noWrites, type TurnWrites } from "@mesh/store";
import { drainDeadLetters } from "./dead_letter_drainer.ts";
import { localWork } from "./local_work.ts";
import { assemble, type Machinery } from "./machinery.ts";
import { recordInLog } from "./operator_log.ts";
import type { Operations } from "./operator_routes.ts";
import type { ServiceParts } from "./service_parts.ts";
import { SystemLog } from "./system_log.ts";
import type { Commit } from "./batch_settler.ts";
import type { Recorded } from "./work.ts";

/** How a command enters that did not come through the broker. */
export interface LocalCommand {
  /** Message id; drawn when absent. */
  readonly id?: string;
  /** The flow; the message id when absent. */
  readonly correlation?: string;
  readonly cause?: Cause;
  /** Commits it, where a service adds statements of its own. */
  readonly commit?: Commit;
}

/** A service at work. */
export interface RunningService {
  readonly operations: Operations;
  /**
   * Runs one of the service's own commands without the broker: in the next turn, together with what else is there; with
   * statements of its own, in a turn of its own. What it leads to is told here alone: its events answer no message.
   *
   * @returns The events that it led to.
   * @throws What its decision threw, or {@link UnavailableError} where nobody knows whether it was committed.
   */
  execute(command: AnyCommand, how?: LocalCommand): Promise<Recorded>;
  /** Signs a command to another service and commits it to the outbox. @returns Its message id. */
  send(command: AnyCommand, how?: LocalCommand): Promise<string>;
  /**
   * Records an event that no keyed actor writes, in the service's log `<service>/log-p0`, signed and published.
   *
   * @param make Makes the event from the log's key, which must be the event's key.
   * @param by Who caused it.
   * @throws {ConflictError} If another process wrote to the log meanwhile; asking again helps.
   */
  record(make: (log: string) => AnyEvent, by: Cause): Promise<void>;
  /** Everything that keeps the service from being ready; empty when it is. */
  faults(): readonly string[];
  /** Envelopes in memory that wait to be published. */
  readonly backlogCount: number;
  /**
   * Drains: no new deliveries, the turn in flight ends, the publisher empties; then everything stops.
   */
  drain(): Promise<void>;
}

/**
 * Starts a service on its parts: mailbox, publisher, timers, effects, catch-up.
 *
 * @throws {UnavailableError} If the database does not answer.
 */
export async function startService(parts: ServiceParts): Promise<RunningService> {
  const machinery = await assemble(parts);
  const { loop, publisher, operations, systemLog, speaker, databaseClock } = machinery;
  const { store, ids, definition: { name: service } } = parts;
  await loop.quarantine.begin();
  const work = startWork(parts, machinery);
  return {
    operations,
    execute: (command, how = {}) => {
      const { commit, ...about } = how;
      const headers = parts.currentTrace?.() ?? {};
      const work = localWork(command, { ...about, service, headers, id: about.id ?? ids.next() });
      return commit === undefined ? loop.perform(work) : loop.execute(work, commit);
    },
    send: (command, how = {}) => sendCommand(parts, machinery, { command, how }),
    record: (make, by) =>
      loop.exclusively(() =>
        recordInLog({ store, publisher, systemLog, speaker, ids, databaseClock }, make(SystemLog.key(0)), by)
      ),
    faults: () => faultsOf(parts, machinery, work.isDraining()),
    get backlogCount() {
      return publisher.backlogCount;
    },
    drain: work.drain,
  };
}

/** Sets everything going. */
function startWork(parts: ServiceParts, machinery: Machinery) {
  const { definition, behaviour, broker, clock, settings } = parts;
  const { channel, consumer, publisher, loop, executor, catchUp, rebuilds, timers, releaser, redrives } = machinery;
  const stopping = new AbortController();
  const publisherStopping = new AbortController();
  const unlisten = broker.onReconnected(() => {
    publisher.reconnected();
    catchUp.reconnected();
  });
  const turning = loop.run();
  const publishing = publisher.run(publisherStopping.signal);
  const tasks = [
    catchUp.run(stopping.signal),
    releaser.run(stopping.signal),
    loop.quarantine.run(stopping.signal),
    ...(behaviour?.hasTimers === true ? [timers.run(stopping.signal)] : []),
    ...(behaviour !== undefined && behaviour.effects.length > 0 ? [executor.run(stopping.signal)] : []),
    ...(hasMailbox(definition)
      ? [drainDeadLetters({ ...parts, service: definition.name }, stopping.signal), redrives.run(stopping.signal)]
      : []),
  ];
  let isDraining = false;
  return {
    isDraining: () => isDraining,
    drain: async () => {
      isDraining = true;
      const deadline = new AbortController();
      void clock.delay(settings.drainMs, publisherStopping.signal).then(() => deadline.abort());
      unlisten();
      const cancelled = consumer?.cancel();
      // Before the loop ends: what a rebuild has handed in is still taken, and it hands in nothing more.
      const rebuildsEnded = rebuilds.stop();
      loop.drain();
      stopping.abort();
      await cancelled;
      await turning;
      await rebuildsEnded;
      await Promise.allSettled(tasks);
      await loop.quarantine.end();
      await publisher.flush(deadline.signal).catch(() => {});
      publisherStopping.abort();
      await publishing;
      await consumer?.[Symbol.asyncDispose]();
      await channel[Symbol.asyncDispose]();
    },
  };
}

async function sendCommand(
  { definition, store, ids, currentTrace }: ServiceParts,
  { speaker, publisher, databaseClock }: Machinery,
  { command, how }: { readonly command: AnyCommand; readonly how: LocalCommand },
): Promise<string> {
  const id = how.id ?? ids.next();
  const commit = how.commit ?? ((writes: TurnWrites) => store.commit(writes));
  const unsealed = speaker.command(command, id, `${definition.name}/${command.key}`, {
    correlation: how.correlation ?? id,
    causation: null,
    ...(how.cause === undefined ? {} : { cause: how.cause }),
    headers: currentTrace?.() ?? {},
    nowMs: databaseClock.nowMs(),
  });
  const entries = speaker.sealAll([unsealed]);
  const result = await commit({ ...noWrites, outbox: entries });
  if (result.outcome === "committed") publisher.enqueue(entries);
  return id;
}

function faultsOf({ broker }: ServiceParts, { channel, consumer }: Machinery, isDraining: boolean): readonly string[] {
  const found: string[] = [];
  if (isDraining) found.push("draining");
  if (!broker.isConnected) found.push("rabbitmq: not connected");
  if (channel.isBlocked) found.push("rabbitmq: publishing is blocked");
  if (consumer !== undefined && consumer.subscribedQueues.length === 0) found.push("rabbitmq: no mailbox");
  return found;
}
