import type { Behaviour, EffectAdapters } from "@mesh/actor";
import { type Clock, errorText, type IdSource, UnavailableError } from "@mesh/base";
import {
  type Broker,
  type BrokerTopology,
  connectOver,
  consumerPriorities,
  MemoryBrokerServer,
  type OutgoingMessage,
  type Transport,
} from "@mesh/broker";
import type { ServiceDefinition } from "@mesh/contract";
import type { PolicyIndex } from "@mesh/envelope";
import {
  type FeedClient,
  type Projection,
  type RunningService,
  type RuntimeSettings,
  type ServiceParts,
  silentLog,
  silentMeter,
  startService,
} from "@mesh/runtime";
import { MemoryDatabase, MemoryStore, type Store, type StoreOperation } from "@mesh/store";
import { type Simulated, SimulatedProcess } from "./process.ts";
import { seededIds } from "./seeded_ids.ts";
import { simulatedFeeds } from "./simulated_feeds.ts";
import type { SimulatedKeys } from "./simulated_keys.ts";
import { simulatedStore } from "./simulated_store.ts";
import { simulatedTransport } from "./simulated_transport.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** One service of a simulated mesh. */
export interface SimulatedService {
  readonly definition: ServiceDefinition;
  /** Processes of it; 1 when absent. */
  readonly replicas?: number;
  readonly behaviour?: Behaviour;
  readonly projections?: readonly Projection[];
  /** Makes the adapters of one process. */
  readonly adapters?: (process: SimulatedProcess) => EffectAdapters;
}

/** What is said to whoever judges. */
export interface MeshObserver {
  /** A call took effect in a service's database. */
  stored(service: string, operation: StoreOperation, args: readonly unknown[], result: unknown): void;
  /** A message has reached the broker. */
  published(process: SimulatedProcess, message: OutgoingMessage): void;
}

/**
 * Parts that a run exchanges for others: how mistakes are planted from outside. Each is given what the mesh would use
 * and returns what it is to use.
 */
export interface Substitutes {
  readonly store?: (store: Store, process: SimulatedProcess, clock: Clock) => Store;
  readonly transport?: (transport: Transport, process: SimulatedProcess) => Transport;
  readonly broker?: (broker: Broker, process: SimulatedProcess) => Broker;
  readonly feeds?: (feeds: FeedClient, process: SimulatedProcess) => FeedClient;
  readonly adapters?: (adapters: EffectAdapters, process: SimulatedProcess) => EffectAdapters;
  readonly behaviour?: (behaviour: Behaviour, process: SimulatedProcess) => Behaviour;
  readonly projections?: (projections: readonly Projection[]) => readonly Projection[];
  readonly ids?: (ids: IdSource, process: SimulatedProcess) => IdSource;
  readonly settings?: (settings: RuntimeSettings, process: SimulatedProcess) => RuntimeSettings;
  readonly topology?: (topology: BrokerTopology) => BrokerTopology;
}

/** What a mesh is made of. */
export interface SimulatedMeshOptions {
  readonly simulated: Simulated;
  readonly services: readonly SimulatedService[];
  readonly topology: BrokerTopology;
  readonly policy: PolicyIndex;
  readonly keys: SimulatedKeys;
  readonly settings: RuntimeSettings;
  readonly partitions: number;
  readonly observer: MeshObserver;
  readonly substitutes?: Substitutes;
}

/** One database, and how it fares. */
export interface SimulatedDatabase {
  readonly database: MemoryDatabase;
  readonly clock: VirtualClock;
  /** A way in without faults, for the harness and for owners' feeds. */
  readonly reader: MemoryStore;
  awayUntilMs: number;
}

/** A process that is up. */
export interface RunningProcess {
  readonly process: SimulatedProcess;
  readonly service: RunningService;
  /** The process's own way to its database. */
  readonly store: Store;
}

/** Services of a mesh, as processes that come and go, over one broker and a database each. */
export class SimulatedMesh {
  readonly server: MemoryBrokerServer;
  readonly databases: ReadonlyMap<string, SimulatedDatabase>;
  readonly #options: SimulatedMeshOptions;
  readonly #topology: BrokerTopology;
  readonly #processes = new Map<string, SimulatedProcess>();
  readonly #running = new Map<SimulatedProcess, RunningProcess>();
  readonly #ids: IdSource;
  isBlocked = false;

  constructor(options: SimulatedMeshOptions) {
    const { simulated: { scheduler, random }, services, substitutes, topology } = options;
    this.#options = options;
    this.#topology = substitutes?.topology?.(topology) ?? topology;
    this.server = new MemoryBrokerServer({ clock: new VirtualClock(scheduler) });
    void this.server.load(this.#topology);
    this.databases = new Map(services.map(({ definition: { name } }) => {
      const database = new MemoryDatabase();
      const clock = new VirtualClock(scheduler);
      return [name, { database, clock, reader: new MemoryStore({ clock, database }), awayUntilMs: 0 }];
    }));
    this.#ids = seededIds(scheduler, random);
  }

  /** Starts every process. */
  start(): void {
    for (const { definition, replicas = 1 } of this.#options.services) {
      for (let ordinal = 0; ordinal < replicas; ordinal += 1) this.#start(definition.name, ordinal);
    }
  }

  /** Processes that live. */
  get processes(): readonly SimulatedProcess[] {
    return [...this.#processes.values()].filter(({ isDead }) => !isDead);
  }

  /** @returns A service at work, if any of its processes is up. */
  running(service: string): RunningProcess | undefined {
    for (const process of this.#processes.values()) {
      if (process.service === service && !process.isDead) {
        const running = this.#running.get(process);
        if (running !== undefined) return running;
      }
    }
    return undefined;
  }

  /** Loads the topology, again after a loss. */
  loadTopology(): void {
    void this.server.load(this.#topology);
  }

  /** Whether nothing waits to be sent, done or handled. */
  get isQuiet(): boolean {
    return this.unsettled === "";
  }

  /** What waits to be sent, done or handled, in words; empty when all is quiet. */
  get unsettled(): string {
    const found: string[] = [];
    for (const [service, { database: { tables } }] of this.databases) {
      if (tables.outbox.size > 0) found.push(`${tables.outbox.size} in the outbox of ${service}`);
      if (tables.effects.size > 0) found.push(`${tables.effects.size} effects of ${service}`);
      if (tables.lanes.size > 0) found.push(`${tables.lanes.size} lanes of ${service}`);
      if (tables.parked.size > 0) found.push(`${tables.parked.size} parked messages of ${service}`);
    }
    if (found.length > 0) return found.join(", ");
    return this.#topology.queues.filter(({ name }) => this.server.messagesIn(name).length > 0)
      .map(({ name }) => `messages in ${name}`).join(", ");
  }

  #start(service: string, ordinal: number): void {
    const { simulated } = this.#options;
    const process = new SimulatedProcess(simulated, { service, ordinal });
    this.#processes.set(process.name, process);
    process.onDeath(() => {
      this.#running.delete(process);
      const { scheduler, random } = simulated;
      scheduler.after(random.between(100, 3_000), undefined, () => this.#start(service, ordinal));
    });
    simulated.tell?.(process.name, "starts", {});
    this.#boot(process).catch((error) => process.kill(`cannot start: ${errorText(error)}`));
  }

  async #boot(process: SimulatedProcess): Promise<void> {
    const { substitutes = {} } = this.#options;
    const transport = this.#transportOf(process);
    const broker = await connectOver({
      transport: substitutes.transport?.(transport, process) ?? transport,
      name: process.name,
      clock: process.clock,
      logger: undefined,
      signal: undefined,
      connectLimitMs: 60_000,
    });
    const parts = this.#partsOf(process, substitutes.broker?.(broker, process) ?? broker);
    this.#running.set(process, { process, store: parts.store, service: await startService(parts) });
  }

  #transportOf(process: SimulatedProcess): Transport {
    const { simulated, observer } = this.#options;
    return simulatedTransport({
      simulated,
      process,
      inner: this.server.transportFor(process.service),
      isBlocked: () => this.isBlocked,
      observe: (message) => observer.published(process, message),
    });
  }

  #storeOf(process: SimulatedProcess): Store {
    const { simulated, observer } = this.#options;
    const home = this.databases.get(process.service)!;
    return simulatedStore({
      simulated,
      process,
      inner: new MemoryStore({ clock: home.clock, database: home.database }),
      database: home.database,
      isAway: () => home.awayUntilMs > simulated.scheduler.nowMs,
      observe: (operation, args, result) => observer.stored(process.service, operation, args, result),
    });
  }

  #feedsOf(process: SimulatedProcess): FeedClient {
    return simulatedFeeds({
      simulated: this.#options.simulated,
      process,
      find: (owner) =>
        this.#options.services.some(({ definition }) => definition.name === owner)
          ? { home: this.databases.get(owner)!, isUp: this.running(owner) !== undefined }
          : undefined,
    });
  }

  /** A handler that now and then cannot do its work, as if it lacked something. */
  #failing(behaviour: Behaviour): Behaviour {
    const { simulated: { faults } } = this.#options;
    if (!faults.has("handler-failed")) return behaviour;
    return {
      ...behaviour,
      decide: (state, message, context) => {
        if (!faults.strikes("handler-failed")) return behaviour.decide(state, message, context);
        throw new UnavailableError(`Cannot handle "${message.type}": something is away`, { dependency: "something" });
      },
    };
  }

  #partsOf(process: SimulatedProcess, broker: Broker): ServiceParts {
    const { services, keys, policy, settings, partitions, substitutes = {} } = this.#options;
    const { definition, behaviour, projections, adapters, replicas = 1 } = services.find(({ definition }) =>
      definition.name === process.service
    )!;
    const store = this.#storeOf(process);
    const feeds = this.#feedsOf(process);
    const clock = this.databases.get(process.service)!.clock;
    const ownBehaviour = behaviour && this.#failing(behaviour);
    const ownAdapters = adapters?.(process) ?? {};
    const priorities = consumerPriorities(process.ordinal, partitions);
    return {
      definition,
      ...(ownBehaviour === undefined
        ? {}
        : { behaviour: substitutes.behaviour?.(ownBehaviour, process) ?? ownBehaviour }),
      ...(projections === undefined ? {} : { projections: substitutes.projections?.(projections) ?? projections }),
      adapters: substitutes.adapters?.(ownAdapters, process) ?? ownAdapters,
      broker,
      store: substitutes.store?.(store, process, clock) ?? store,
      signingKey: keys.signing.get(definition.name)!,
      keys: keys.directory,
      policy,
      feeds: substitutes.feeds?.(feeds, process) ?? feeds,
      clock: process.clock,
      ids: substitutes.ids?.(this.#ids, process) ?? this.#ids,
      log: silentLog,
      meter: silentMeter,
      settings: substitutes.settings?.(settings, process) ?? settings,
      partitions,
      ...(replicas === 1 ? {} : { hasReplicas: true, priorityOf: (partition) => priorities[partition]! }),
      abandon: (reason) => process.kill(reason),
    };
  }
}
