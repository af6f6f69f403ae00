import type { Behaviour } from "@mesh/actor";
import type { Consumer, Publisher } from "@mesh/broker";
import { contractRegistry, hasMailbox, systemContracts } from "@mesh/contract";
import { receiverOf, type Verifier } from "@mesh/envelope";
import type { TurnWrites } from "@mesh/store";
import { ActorPlanner } from "./actor_planner.ts";
import { Aftermath } from "./aftermath.ts";
import { CatchUp } from "./catch_up.ts";
import { DatabaseClock } from "./database_clock.ts";
import { EffectExecutor } from "./effect_executor.ts";
import { Generations } from "./generations.ts";
import { Intake } from "./intake.ts";
import { LaneReleaser } from "./lane_releaser.ts";
import { lanesTouched } from "./lane_operations.ts";
import { Lanes } from "./lanes.ts";
import { operationsOf } from "./operations.ts";
import type { Operations } from "./operator_routes.ts";
import { RedriveJudge } from "./redrive_judge.ts";
import { RedriveLoop } from "./redrive_loop.ts";
import { redriveOperations } from "./redrive_operations.ts";
import { OutboxPublisher } from "./outbox_publisher.ts";
import { ProjectionPlanner } from "./projection_planner.ts";
import { Rebuilds } from "./rebuild.ts";
import type { ServiceParts } from "./service_parts.ts";
import { type Speaker, speakerFor } from "./speaker.ts";
import { foldStream } from "./state_cache.ts";
import { SystemLog } from "./system_log.ts";
import { TimerLoop } from "./timer_loop.ts";
import { TurnLoop } from "./turn_loop.ts";
import type { Planner, Work } from "./work.ts";

/** The moving parts of one service, connected with each other and not yet running. */
export interface Machinery {
  readonly databaseClock: DatabaseClock;
  readonly speaker: Speaker;
  readonly systemLog: SystemLog;
  readonly channel: Publisher;
  readonly consumer: Consumer | undefined;
  readonly publisher: OutboxPublisher;
  readonly loop: TurnLoop;
  readonly executor: EffectExecutor;
  readonly catchUp: CatchUp;
  readonly rebuilds: Rebuilds;
  readonly timers: TimerLoop;
  readonly releaser: LaneReleaser;
  readonly redrives: RedriveLoop;
  readonly operations: Operations;
}

/** What all moving parts of a service share. */
interface Shared extends ServiceParts {
  readonly databaseClock: DatabaseClock;
  readonly speaker: Speaker;
  readonly systemLog: SystemLog;
  readonly publisher: OutboxPublisher;
  readonly intake: Intake;
  readonly generations: Generations;
  readonly planner: Planner;
}

/**
 * Opens the service's channels and connects its moving parts.
 *
 * @throws {UnavailableError} If the database does not answer.
 */
export async function assemble(parts: ServiceParts): Promise<Machinery> {
  const { definition, broker, store, clock, ids, signingKey, policy, settings } = parts;
  const databaseClock = new DatabaseClock(clock, await store.nowMs());
  const channel = await broker.openPublisher({ bundleMax: settings.bundleMax });
  const consumer = hasMailbox(definition) ? await broker.openConsumer(claimsOf(parts)) : undefined;
  const speaker = speakerFor(signingKey, ids, policy);
  const generations = new Generations({
    projections: (parts.projections ?? []).map(({ name }) => name),
    store,
    clock,
  });
  const intake = intakeOf(parts);
  const shared: Shared = {
    ...parts,
    databaseClock,
    speaker,
    systemLog: new SystemLog(store, speaker),
    publisher: new OutboxPublisher({ ...parts, publisher: channel }),
    intake,
    generations,
    planner: plannerOf(parts, intake, generations),
  };
  // Each needs the other: turns ask for effects, and their outcomes are turns.
  const executor: EffectExecutor = executorOf(shared, (work) => loop.perform(work));
  const lanes = new Lanes({ store, planner: shared.planner, settings, onClosed: () => releaser.hint() });
  const loop: TurnLoop = loopOf(shared, { consumer, executor, lanes });
  const releaser: LaneReleaser = new LaneReleaser({ ...shared, loop });
  const rebuilds = rebuildsOf(shared, loop);
  const judge = new RedriveJudge({ ...shared, consumer: shared.planner.inboxConsumer });
  const redrives = new RedriveLoop({
    ...shared,
    service: definition.name,
    loop,
    judge,
    onTaken: () => lanesTouched({ lanes, releaser }),
  });
  return {
    databaseClock,
    speaker,
    systemLog: shared.systemLog,
    channel,
    consumer,
    publisher: shared.publisher,
    loop,
    executor,
    catchUp: new CatchUp({ ...shared, service: definition, loop }),
    rebuilds,
    timers: new TimerLoop(shared),
    releaser,
    redrives,
    operations: operationsFor(shared, { loop, lanes, releaser, rebuilds, judge, redrives }),
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

function intakeOf(parts: ServiceParts): Intake {
  return new Intake({
    service: parts.definition.name,
    verifier: verifierOf(parts),
    clock: parts.clock,
    ids: parts.ids,
    meter: parts.meter,
    ...(parts.continueTrace === undefined ? {} : { continueTrace: parts.continueTrace }),
  });
}

function executorOf(shared: Shared, perform: (work: Work) => Promise<unknown>): EffectExecutor {
  return new EffectExecutor({
    ...shared,
    ...(shared.hasReplicas === true ? {} : { perform }),
    effects: shared.behaviour?.effects ?? [],
    adapters: shared.adapters ?? {},
    ordinal: shared.ordinal ?? 0,
    inTrace: shared.inTrace ?? ((_name, _headers, task) => task()),
  });
}

interface LoopParts {
  readonly consumer: Consumer | undefined;
  readonly executor: EffectExecutor;
  readonly lanes: Lanes;
}

function loopOf(shared: Shared, { consumer, executor, lanes }: LoopParts): TurnLoop {
  const { definition, systemLog, ids, settings } = shared;
  return new TurnLoop({
    ...shared,
    lanes,
    ordinal: shared.ordinal ?? 0,
    aftermath: new Aftermath({ service: definition.name, systemLog, ids, settings }),
    ...(consumer === undefined ? {} : { consumer }),
    // An actor's answer is waited for by somebody; a reader of a read model does not miss a moment.
    ...(shared.behaviour === undefined ? { gatherMs: settings.gatherMs } : {}),
    onCommitted: ({ effects }: TurnWrites) => executor.asked(effects),
  });
}

function rebuildsOf(shared: Shared, loop: TurnLoop): Rebuilds {
  return new Rebuilds({
    ...shared,
    service: shared.definition.name,
    projections: shared.projections ?? [],
    loop,
    batchMax: shared.settings.batchMax,
  });
}

function operationsFor(
  shared: Shared,
  { redrives, ...parts }: Pick<Machinery, "loop" | "releaser" | "rebuilds" | "redrives"> & {
    readonly lanes: Lanes;
    readonly judge: RedriveJudge;
  },
): Operations {
  const { definition, behaviour, viewOf: _viewOf, ...rest } = shared;
  const options = { ...rest, ...parts, service: definition.name };
  return {
    ...operationsOf({
      ...options,
      ...(behaviour === undefined ? {} : { behaviour, viewOf: viewer(shared, behaviour) }),
    }),
    ...redriveOperations({ ...options, onWork: () => redrives.hint() }),
  };
}

function plannerOf(parts: ServiceParts, intake: Intake, generations: Generations): Planner {
  const { definition, behaviour, projections = [], store, settings, ids, signingKey, policy, feeds } = parts;
  if (behaviour !== undefined) {
    return new ActorPlanner({
      behaviour,
      store,
      speaker: speakerFor(signingKey, ids, policy),
      ids,
      hasReplicas: parts.hasReplicas === true,
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
