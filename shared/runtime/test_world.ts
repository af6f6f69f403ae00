import { behaviourOf, defineActor, defineEffect, type EffectAdapters } from "@mesh/actor";
import { ManualClock, systemIds, UnavailableError } from "@mesh/base";
import { type Broker, brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import {
  answering,
  defineCommand,
  defineEvent,
  defineService,
  type ServiceDefinition,
  unanswering,
} from "@mesh/contract";
import { emitPolicyFrom, fixedKeyDirectory, generateSigningKey, keyFile, policyIndex } from "@mesh/envelope";
import { type FeedPage, MemoryDatabase, MemoryStore } from "@mesh/store";
import { z } from "zod";
import type { FeedClient } from "./feed_client.ts";
import { silentLog } from "./log.ts";
import { silentMeter } from "./meter.ts";
import type { Projection } from "./projection.ts";
import { type RunningService, startService } from "./service.ts";
import type { ServiceParts } from "./service_parts.ts";
import { defaultSettings } from "./settings.ts";

/** A mesh of two services on memory adapters and virtual time, for this package's tests. */

const Item = z.object({ id: z.string() });
const key = ({ id }: { readonly id: string }) => id;
export const Count = defineCommand("counter.count", { version: 1, schema: Item, key });
export const Uncount = defineCommand("counter.uncount", { version: 1, schema: Item, key });
export const Break = defineCommand("counter.break", { version: 1, schema: Item, key });
export const Fetch = defineCommand("counter.fetch", { version: 1, schema: Item, key });
export const Wait = defineCommand("counter.wait", { version: 1, schema: Item.extend({ dueAtMs: z.int() }), key });
export const Counted = defineEvent("counter.counted", { version: 1, schema: Item.extend({ total: z.int() }), key });
export const Uncounted = defineEvent("counter.uncounted", { version: 1, schema: Item, key });
export const Repaired = defineEvent("counter.repaired", { version: 1, schema: Item, key });
export const FetchAsked = defineEvent("counter.fetch-asked", {
  version: 1,
  schema: Item.extend({ commandId: z.string() }),
  key,
});
export const Fetched = defineEvent("counter.fetched", { version: 1, schema: Item.extend({ text: z.string() }), key });
export const WaitBegun = defineEvent("counter.wait-begun", {
  version: 1,
  schema: Item.extend({ dueAtMs: z.int() }),
  key,
});
export const WaitEnded = defineEvent("counter.wait-ended", { version: 1, schema: Item, key });
const FetchText = defineEffect("fetch-text", {
  dependency: "library",
  deadlineMs: 1_000,
  request: Item,
  outcome: z.object({ text: z.string() }),
});

const nothing = { accepts: [], publishes: [], sends: [], subscribes: [], calls: [] };
const events = [Counted, Uncounted, Repaired, FetchAsked, Fetched, WaitBegun, WaitEnded];
export const counterService = defineService({
  ...nothing,
  name: "counter",
  purpose: "Counts",
  accepts: [Count, Uncount, Break, Fetch, Wait],
  publishes: events,
  commandsItself: true,
  internalPort: 9102,
});
export const askerService = defineService({
  ...nothing,
  name: "asker",
  purpose: "Asks",
  sends: [Count, Uncount, Break, Fetch, Wait],
  subscribes: events.map((event) => ({ event, by: "key" as const })),
  internalPort: 9101,
});

/** Short, so that six attempts take seconds of virtual time. */
const tiersMs = [200, 400, 600, 800];

/** What a test may turn on in the counter. */
export interface CounterMood {
  /** While true, `Break` throws. */
  isBroken: boolean;
  /** While true, `Break` throws where nothing was counted yet. */
  isStrict?: boolean;
  /** While set, one of the processes dies when it takes in what is about this key; told each time. */
  onLethal?: { readonly process: "counter" | "asker"; readonly id: string; readonly died: () => void };
  /** While set, the asker cannot take in what is said about this key. */
  isShy?: string;
  /** While true, the outcome of a fetch cannot be taken in. */
  isDeaf?: boolean;
}

interface CounterState {
  readonly total: number;
  readonly dueAtMs: number | null;
  readonly fetching: readonly string[];
}

function counterActor(mood: CounterMood) {
  return defineActor({
    name: "counter",
    accepts: { Count, Uncount, Break, Fetch, Wait },
    records: { Counted, Uncounted, Repaired, FetchAsked, Fetched, WaitBegun, WaitEnded },
    effects: { FetchText },
    initialState: (): CounterState => ({ total: 0, dueAtMs: null, fetching: [] }),
    decide: {
      Count: ({ total }, { id }) => {
        if (mood.onLethal?.process === "counter" && mood.onLethal.id === id) mood.onLethal.died();
        return Counted({ id, total: total + 1 });
      },
      Uncount: (_state, { id }) => Uncounted({ id }),
      Break: ({ total }, { id }) => {
        if (mood.isBroken || (mood.isStrict === true && total === 0)) {
          throw new UnavailableError("Cannot repair: out of glue", { dependency: "glue" });
        }
        return Repaired({ id });
      },
      Fetch: (_state, { id }, { messageId }) => [
        unanswering(FetchAsked({ id, commandId: messageId })),
        FetchText({ id }),
      ],
      Wait: (_state, { id, dueAtMs }) => WaitBegun({ id, dueAtMs }),
    },
    outcomes: {
      FetchText: (state, { text }) => {
        if (mood.isDeaf === true) throw new UnavailableError("Cannot take in: out of ears", { dependency: "ears" });
        return answering(state.fetching, Fetched({ id: "book", text }));
      },
    },
    evolve: {
      Counted: (state, { total }) => ({ ...state, total }),
      Uncounted: (state) => ({ ...state, total: Math.max(0, state.total - 1) }),
      Repaired: (state) => state,
      FetchAsked: (state, { commandId }) => ({ ...state, fetching: [...state.fetching, commandId] }),
      Fetched: (state) => ({ ...state, fetching: [] }),
      WaitBegun: (state, { dueAtMs }) => ({ ...state, dueAtMs }),
      WaitEnded: (state) => ({ ...state, dueAtMs: null }),
    },
    timer: { dueAtMs: ({ dueAtMs }) => dueAtMs ?? undefined, decide: () => WaitEnded({ id: "clock" }) },
  });
}

const Nothing = defineEvent("asker.noted", { version: 1, schema: Item, key });

/** The whole world of one test. */
export class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly server = new MemoryBrokerServer({ clock: this.clock });
  readonly databases = { counter: new MemoryDatabase(), asker: new MemoryDatabase() };
  readonly mood: CounterMood = { isBroken: false };
  /** Events that the asker has taken in, in order. */
  readonly heard: { readonly type: string; readonly key: string; readonly re: readonly string[]; data: unknown }[] = [];
  readonly abandoned: string[] = [];
  /** Types of everything that was published, in order. */
  readonly published: string[] = [];
  readonly keys = { counter: generateSigningKey("counter"), asker: generateSigningKey("asker") };
  readonly ids = systemIds(this.clock);
  readonly #running = new Map<string, { service: RunningService; store: MemoryStore; broker: Broker }>();
  readonly #heardIds = new Set<string>();
  #feedAnswers = true;
  /** What an owner makes of a page before it gives it out; a hostile one changes it. */
  alterPage: (page: FeedPage) => FeedPage = (page) => page;

  /** Makes a world whose broker holds the topology. */
  static async open(): Promise<World> {
    const world = new World();
    await world.loadTopology();
    return world;
  }

  /** Loads the topology, again after a wipe. */
  async loadTopology(): Promise<void> {
    await this.server.load(brokerTopology([counterService, askerService], { partitions: 1, tiersMs }));
  }

  store(name: "counter" | "asker"): MemoryStore {
    return this.#running.get(name)!.store;
  }

  service(name: "counter" | "asker"): RunningService {
    return this.#running.get(name)!.service;
  }

  /** Lets feeds answer, or not. */
  set feedAnswers(answers: boolean) {
    this.#feedAnswers = answers;
  }

  async startCounter(adapters: EffectAdapters = {}, some: Pick<ServiceParts, "hasReplicas"> = {}): Promise<void> {
    await this.#start(counterService, { behaviour: behaviourOf(counterActor(this.mood)), adapters, ...some });
  }

  async startAsker(): Promise<void> {
    const actor = defineActor({
      name: "asker",
      accepts: { Counted, Uncounted, Repaired, FetchAsked, Fetched, WaitBegun, WaitEnded },
      records: { Nothing },
      initialState: () => ({}),
      decide: {
        Counted: () => [],
        Uncounted: () => [],
        Repaired: () => [],
        FetchAsked: () => [],
        Fetched: () => [],
        WaitBegun: () => [],
        WaitEnded: () => [],
      },
      evolve: { Nothing: (state) => state },
    });
    const behaviour = behaviourOf(actor);
    await this.#start(askerService, {
      behaviour: {
        ...behaviour,
        decide: (state, message, context) => {
          if (message.key === this.mood.isShy) throw new UnavailableError("Cannot listen", { dependency: "ears" });
          const { onLethal } = this.mood;
          if (onLethal?.process === "asker" && onLethal.id === message.key) onLethal.died();
          // A turn that meets a conflict decides again; a message is heard once.
          if (!this.#heardIds.has(message.id)) {
            this.heard.push({ type: message.type, key: message.key, re: message.re, data: message.data });
          }
          this.#heardIds.add(message.id);
          return behaviour.decide(state ?? {}, message, context);
        },
      },
    });
  }

  /** Starts the asker as a service that only projects. */
  async startReader(projections: readonly Projection[]): Promise<void> {
    await this.#start(askerService, { projections });
  }

  /** Ends a service without a drain, as a crash does: nothing that it has under way takes effect any more. */
  async crash(name: "counter" | "asker"): Promise<void> {
    const { service, store, broker } = this.#running.get(name)!;
    this.#running.delete(name);
    this.server.closeConnections(name);
    await store[Symbol.asyncDispose]();
    // Its loops end by themselves; a dead process waits for nothing, and nobody waits for it.
    void service.drain().catch(() => {});
    await this.#whileMoving(broker[Symbol.asyncDispose]());
  }

  /** Makes a process die at once, in the middle of what it does; {@link crash} sweeps up what is left of it. */
  kill(name: "counter" | "asker"): void {
    void this.store(name)[Symbol.asyncDispose]();
  }

  /**
   * Moves time until a fact holds.
   *
   * @throws {Error} If it does not within `limitMs` of virtual time.
   */
  async until(what: string, fact: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
    for (let passedMs = 0; passedMs <= limitMs; passedMs += 50) {
      if (await fact()) return;
      await this.clock.advance(50);
    }
    throw new Error(`${what}: not within ${limitMs} ms; heard ${JSON.stringify(this.heard)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.faults.releaseConfirms();
    const running = [...this.#running.values()];
    await this.#whileMoving(Promise.all(running.map(({ service }) => service.drain())));
    await this.#whileMoving(Promise.all(running.map(({ broker }) => broker[Symbol.asyncDispose]())));
    await this.#whileMoving(this.server[Symbol.asyncDispose]());
    for (const { store } of running) await store[Symbol.asyncDispose]();
  }

  /** Moves time until something has ended. */
  async #whileMoving(task: PromiseLike<unknown>): Promise<void> {
    let hasEnded = false;
    const ended = Promise.resolve(task).finally(() => hasEnded = true);
    for (let turn = 0; turn < 2_000 && !hasEnded; turn += 1) await this.clock.advance(100);
    await ended;
  }

  async #start(
    definition: ServiceDefinition,
    parts: Pick<ServiceParts, "behaviour" | "adapters" | "projections" | "hasReplicas">,
  ): Promise<void> {
    const name = definition.name as "counter" | "asker";
    const store = new MemoryStore({ clock: this.clock, database: this.databases[name] });
    const broker = await this.server.connect(name);
    const files = Object.values(this.keys).map(({ key: { service }, publicJwk }) =>
      keyFile(service, [{ jwk: publicJwk, status: "active" }])
    );
    const service = await startService({
      ...parts,
      definition,
      broker,
      store,
      signingKey: this.keys[name].key,
      keys: fixedKeyDirectory(Object.fromEntries(files.map(({ name, text }) => [name, text]))),
      policy: policyIndex(emitPolicyFrom([counterService, askerService])),
      feeds: this.#feeds(),
      clock: this.clock,
      ids: this.ids,
      log: silentLog,
      meter: { ...silentMeter, published: (type) => this.published.push(type) },
      settings: { ...defaultSettings, tiersMs },
      partitions: 1,
      abandon: (reason) => this.abandoned.push(reason),
    });
    this.#running.set(name, { service, store, broker });
  }

  #feeds(): FeedClient {
    const storeOf = (owner: string) => {
      const running = this.#running.get(owner);
      if (running === undefined || !this.#feedAnswers) throw new UnavailableError(`Cannot read the feed of "${owner}"`);
      return running.store;
    };
    return {
      read: async (owner, { after, types, lagMs = 0, limit }) => {
        const store = storeOf(owner);
        const untilMs = (await store.nowMs()) - lagMs;
        return this.alterPage(
          await store.readFeed({ after, limit, untilMs, ...(types === undefined ? {} : { types }) }),
        );
      },
      readStream: (owner, stream, from) => storeOf(owner).readStream(stream, from, 500),
    };
  }
}
