import type { Behaviour, Cause, EffectAdapters } from "@mesh/actor";
import type { Clock, IdSource } from "@mesh/base";
import type { Broker } from "@mesh/broker";
import {
  type AnyCommand,
  type AnyEvent,
  contractRegistry,
  type ServiceDefinition,
  systemContracts,
} from "@mesh/contract";
import { type KeyDirectory, type PolicyIndex, receiverOf, type SigningKey, type Verifier } from "@mesh/envelope";
import { noWrites, type OutboxEntry, type Store, type TurnWrites } from "@mesh/store";
import { ActorPlanner } from "./actor_planner.ts";
import { Aftermath } from "./aftermath.ts";
import { CatchUp } from "./catch_up.ts";
import { DatabaseClock } from "./database_clock.ts";
import { drainDeadLetters } from "./dead_letter_drainer.ts";
import { EffectExecutor, type InTrace } from "./effect_executor.ts";
import type { FeedClient } from "./feed_client.ts";
import { Generations } from "./generations.ts";
import { Intake, type IntakeOptions } from "./intake.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import { operationsOf, recordInLog } from "./operations.ts";
import type { Operations } from "./operator_routes.ts";
import { OutboxPublisher } from "./outbox_publisher.ts";
import type { Projection } from "./projection.ts";
import { ProjectionPlanner } from "./projection_planner.ts";
import { Rebuilds } from "./rebuild.ts";
import { localWork } from "./local_work.ts";
import type { RuntimeSettings } from "./settings.ts";
import { speakerFor } from "./speaker.ts";
import { foldStream } from "./state_cache.ts";
import { SystemLog } from "./system_log.ts";
import { TimerLoop } from "./timer_loop.ts";
import { type Commit, type Recorded, TurnLoop } from "./turn_loop.ts";
import type { Planner } from "./work.ts";

/** Everything that a service runs on; adapters are made by the wiring, doubles by tests and the simulation. */
export interface ServiceParts {
  readonly definition: ServiceDefinition;
  /** Actor or saga host; absent for a service that only projects, or only serves. */
  readonly behaviour?: Behaviour;
  /** Read models; a service has actors or read models, not both. */
  readonly projections?: readonly Projection[];
  readonly adapters?: EffectAdapters;
  readonly broker: Broker;
  readonly store: Store;
  readonly signingKey: SigningKey;
  readonly keys: KeyDirectory;
  readonly policy: PolicyIndex;
  readonly feeds: FeedClient;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly meter: Meter;
  readonly settings: RuntimeSettings;
  readonly partitions: number;
  /** Priority of this replica on a partition. */
  readonly priorityOf?: (partition: number) => number;
  readonly continueTrace?: IntakeOptions["continueTrace"];
  readonly inTrace?: InTrace;
  /** Headers of the span that is active now, for commands that start a flow. */
  readonly currentTrace?: () => Readonly<Record<string, string>>;
  /** Channel that readers of the projections listen on. */
  readonly notify?: string;
  readonly onRows?: ConstructorParameters<typeof ProjectionPlanner>[0]["onRows"];
  readonly viewOf?: (state: unknown) => unknown;
  readonly abandon: (reason: string) => void;
}

/** How a command enters that did not come through the broker. */
export interface LocalCommand {
  /** Message id; drawn when absent. */
  readonly id?: string;
  /** The flow; the message id when absent. */
  readonly correlation?: string;
  readonly cause?: Cause;
  /** Commits it, where a service adds statements of its own; the store's commit when absent. */
  readonly commit?: Commit;
}

/** A service at work. */
export interface RunningService {
  readonly operations: Operations;
  /** Runs one of the service's own commands as a turn, without the broker. @returns The events that it led to. */
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
  const { definition, behaviour, broker, store, clock, ids, log, meter, settings, signingKey } = parts;
  const service = definition.name;
  const databaseClock = new DatabaseClock(clock, await store.nowMs());
  const speaker = speakerFor(signingKey, ids);
  const systemLog = new SystemLog(store, speaker);
  const hasQueues = definition.accepts.length > 0 || definition.subscribes.length > 0 ||
    definition.commandsItself === true;
  const channel = await broker.openPublisher();
  const consumer = hasQueues ? await broker.openConsumer(claimsOf(parts)) : undefined;
  const publisher = new OutboxPublisher({ publisher: channel, store, clock, log, meter, settings });
  const intake = new Intake({
    service,
    verifier: verifierOf(parts),
    clock,
    ids,
    meter,
    ...(parts.continueTrace === undefined ? {} : { continueTrace: parts.continueTrace }),
  });
  const generations = new Generations({
    projections: (parts.projections ?? []).map(({ name }) => name),
    store,
    clock,
  });
  const planner = plannerOf(parts, intake, generations);
  const executor = new EffectExecutor({
    store,
    effects: behaviour?.effects ?? [],
    adapters: parts.adapters ?? {},
    speaker,
    publisher,
    ids,
    clock,
    databaseClock,
    log,
    meter,
    inTrace: parts.inTrace ?? ((_name, _headers, task) => task()),
    settings,
  });
  const loop = new TurnLoop({
    store,
    planner,
    intake,
    aftermath: new Aftermath({ service, systemLog, ids, settings }),
    publisher,
    ...(consumer === undefined ? {} : { consumer }),
    clock,
    databaseClock,
    ids,
    log,
    meter,
    settings,
    onCommitted: ({ effects }: TurnWrites) => {
      if (effects.length > 0) executor.hint();
    },
    abandon: parts.abandon,
  });
  const catchUp = new CatchUp({
    service: definition,
    partitions: parts.partitions,
    store,
    planner,
    intake,
    loop,
    feeds: parts.feeds,
    clock,
    log,
    settings,
  });
  const rebuilds = new Rebuilds({
    service,
    projections: parts.projections ?? [],
    store,
    feeds: parts.feeds,
    intake,
    loop,
    generations,
    clock,
    log,
    batchMax: settings.batchMax,
  });
  const timers = new TimerLoop({ store, speaker, publisher, ids, clock, databaseClock, log, settings });
  const operations = operationsOf({
    service,
    store,
    loop,
    publisher,
    systemLog,
    ids,
    databaseClock,
    settings,
    rebuilds,
    ...(behaviour === undefined ? {} : { viewOf: viewer(parts, behaviour) }),
  });

  const stopping = new AbortController();
  const publisherStopping = new AbortController();
  const unlisten = broker.onReconnected(() => catchUp.reconnected());
  const turning = loop.run();
  const publishing = publisher.run(publisherStopping.signal);
  const tasks = [
    catchUp.run(stopping.signal),
    ...(behaviour?.hasTimers === true ? [timers.run(stopping.signal)] : []),
    ...(behaviour !== undefined && behaviour.effects.length > 0 ? [executor.run(stopping.signal)] : []),
    ...(hasQueues ? [drainDeadLetters({ service, broker, store, ids, clock, log }, stopping.signal)] : []),
  ];
  let isDraining = false;

  return {
    operations,
    execute: (command, how = {}) => {
      const { commit = (writes: TurnWrites) => store.commit(writes), ...about } = how;
      return loop.execute(localWork(command, service, parts.currentTrace?.() ?? {}, ids, about), commit);
    },
    send: async (command, how = {}) => {
      const id = how.id ?? ids.next();
      const commit = how.commit ?? ((writes: TurnWrites) => store.commit(writes));
      const entry: OutboxEntry = speaker.command(command, id, `${service}/${command.key}`, {
        correlation: how.correlation ?? id,
        causation: null,
        ...(how.cause === undefined ? {} : { cause: how.cause }),
        headers: parts.currentTrace?.() ?? {},
        nowMs: databaseClock.nowMs(),
      });
      const result = await commit({ ...noWrites, outbox: [entry] });
      if (result.outcome === "committed") publisher.enqueue([entry]);
      return id;
    },
    record: (make, by) =>
      loop.exclusively(() =>
        recordInLog({ store, publisher, systemLog, ids, databaseClock }, make(SystemLog.key(0)), by)
      ),
    faults: () => {
      const found: string[] = [];
      if (isDraining) found.push("draining");
      if (!broker.isConnected) found.push("rabbitmq: not connected");
      if (channel.isBlocked) found.push("rabbitmq: publishing is blocked");
      if (consumer !== undefined && consumer.subscribedQueues.length === 0) found.push("rabbitmq: no mailbox");
      return found;
    },
    get backlogCount() {
      return publisher.backlogCount;
    },
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
      await publisher.flush(deadline.signal).catch(() => {});
      publisherStopping.abort();
      await publishing;
      await consumer?.[Symbol.asyncDispose]();
      await channel[Symbol.asyncDispose]();
    },
  };
}

function claimsOf({ definition, partitions, priorityOf, settings }: ServiceParts) {
  const queues = Array.from({ length: partitions }, (_, partition) => ({
    queue: `${definition.name}.in.p${partition}`,
    ...(priorityOf === undefined ? {} : { priority: priorityOf(partition) }),
  }));
  return { queues, prefetch: settings.prefetch };
}

function verifierOf({ definition, keys, policy }: ServiceParts): Verifier {
  const { FireTimer, RecordOutcome } = systemContracts(definition.name);
  return {
    keys,
    policy,
    receiver: receiverOf(definition),
    contracts: contractRegistry([
      ...definition.accepts,
      ...definition.subscribes.map(({ event }) => event),
      ...(definition.commandsItself === true ? [FireTimer, RecordOutcome] : []),
    ]),
  };
}

function plannerOf(parts: ServiceParts, intake: Intake, generations: Generations): Planner {
  const { definition, behaviour, projections = [], store, settings, ids, signingKey, feeds } = parts;
  if (behaviour !== undefined) {
    return new ActorPlanner({
      behaviour,
      store,
      speaker: speakerFor(signingKey, ids),
      ids,
      cacheMax: settings.cacheMax,
      snapshotEvery: settings.snapshotEvery,
    });
  }
  return new ProjectionPlanner({
    service: definition.name,
    projections,
    store,
    feeds,
    intake,
    generations,
    ...(parts.notify === undefined ? {} : { notify: parts.notify }),
    ...(parts.onRows === undefined ? {} : { onRows: parts.onRows }),
  });
}

function viewer({ store, viewOf }: ServiceParts, behaviour: Behaviour): (stream: string) => Promise<unknown> {
  return async (stream) => {
    const [loaded] = await store.loadStreams([stream], behaviour.stateVersion);
    if (loaded === undefined || viewOf === undefined) return null;
    return viewOf(foldStream(behaviour, stream.slice(behaviour.service.length + 1), loaded).state);
  };
}
