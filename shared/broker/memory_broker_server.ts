import type { Clock } from "@mesh/base";
import type { Broker, OutgoingMessage, PublishOutcome, TopologyTarget } from "./broker.ts";
import { connectOver } from "./linked_broker.ts";
import type { MemoryServerSide } from "./memory_channels.ts";
import { MemoryFaults } from "./memory_faults.ts";
import { MemoryQueue, type QueueHooks, type StoredMessage, type StoredParcel } from "./memory_queue.ts";
import { type MemoryRights, rightsOf } from "./memory_rights.ts";
import { MemoryRouter } from "./memory_router.ts";
import { MemorySession } from "./memory_session.ts";
import { brokerError } from "./refusal.ts";
import type { BindingSpec, BrokerTopology, PolicySpec } from "./topology.ts";
import type { BrokerLogger, Transport, TransportSession } from "./transport.ts";

/** What a broker in memory stands on. */
export interface MemoryBrokerServerOptions {
  /** Times the retry tiers, confirm deadlines and reconnects. */
  readonly clock: Clock;
  readonly logger?: BrokerLogger;
  /** Longest wait for a confirm, 10,000 by default. */
  readonly confirmLimitMs?: number;
}

/**
 * A broker in memory that holds a {@link BrokerTopology} and behaves like RabbitMQ where our conformance suite looks,
 * plus the faults that a test wants to see.
 *
 * All of its clients live in this process; give each the name of a user of the topology.
 *
 * @example A command goes from one service to another
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { ManualClock } from "@mesh/base";
 * import { MemoryBrokerServer } from "@mesh/broker";
 *
 * await using server = new MemoryBrokerServer({ clock: new ManualClock() });
 * await server.load({
 *   exchanges: [{ name: "mesh.events" }],
 *   queues: [{ name: "audit.in.p0", isSingleActiveConsumer: true }],
 *   bindings: [{ source: "mesh.events", destination: "audit.in.p0", destinationType: "queue", pattern: "#" }],
 *   policies: [],
 *   users: [{ name: "orders", read: "^audit", write: "^mesh", topicWrite: {} }],
 * });
 * const broker = await server.connect("orders");
 * const publisher = await broker.openPublisher();
 * assertEquals(
 *   await publisher.publish({
 *     exchange: "mesh.events",
 *     routingKey: "orders.order-placed.v1.k07.c07",
 *     body: new Uint8Array(),
 *     messageId: "0197b3c0-0000-7000-8000-000000000001",
 *     type: "orders.order-placed",
 *     isMandatory: true,
 *     headers: {},
 *   }),
 *   "confirmed",
 * );
 * assertEquals(server.messagesIn("audit.in.p0").length, 1);
 * ```
 */
export class MemoryBrokerServer implements MemoryServerSide, TopologyTarget, AsyncDisposable {
  /** Faults to switch on. */
  readonly faults = new MemoryFaults();
  readonly #options: MemoryBrokerServerOptions;
  readonly #stop = new AbortController();
  readonly #exchanges = new Set<string>();
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #bindings = new Map<string, BindingSpec>();
  readonly #policies = new Map<string, PolicySpec>();
  readonly #rights = new Map<string, MemoryRights>();
  readonly #sessions = new Set<MemorySession>();
  readonly #brokers = new Set<Broker>();
  #router = new MemoryRouter([]);
  #isUp = true;
  readonly #hooks: QueueHooks = {
    takeDuplicate: (queue) => this.faults.takeDuplicate(queue),
    deadLetter: (parcel) => this.#route(parcel),
  };

  constructor(options: MemoryBrokerServerOptions) {
    this.#options = options;
  }

  /** Adds what is missing, replaces bindings, policies and rights of the same name, deletes nothing. */
  load({ exchanges, queues, bindings, policies, users }: BrokerTopology): Promise<void> {
    for (const { name } of exchanges) this.#exchanges.add(name);
    for (const policy of policies) this.#policies.set(policy.name, policy);
    for (const spec of queues) {
      if (!this.#queues.has(spec.name)) this.#queues.set(spec.name, new MemoryQueue(spec, this.#hooks));
    }
    for (const queue of this.#queues.values()) {
      queue.policy = [...this.#policies.values()].find(({ pattern }) => new RegExp(pattern).test(queue.name));
    }
    for (const binding of bindings) this.#bindings.set(Object.values(binding).join(" "), binding);
    for (const user of users) this.#rights.set(user.name, rightsOf(user));
    this.#router = this.#bindings.size === bindings.length
      ? routerOf(bindings)
      : new MemoryRouter(this.#bindings.values());
    for (const queue of this.#queues.values()) queue.retryStranded();
    return Promise.resolve();
  }

  /**
   * Connects a user; the connection comes back by itself whenever it is lost.
   *
   * @throws {UnavailableError} If the server is stopped or does not know the user, after a minute of the clock's time.
   */
  async connect(user: string): Promise<Broker> {
    const { clock, logger } = this.#options;
    const broker = await connectOver({
      transport: { connect: () => this.#open(user) },
      name: user,
      clock,
      logger,
      signal: this.#stop.signal,
      connectLimitMs: 60_000,
    });
    this.#brokers.add(broker);
    return broker;
  }

  /**
   * The way in of one user, for whoever puts something between a client and this server: delays, losses, cuts.
   *
   * @see connectOver
   */
  transportFor(user: string): Transport {
    return { connect: () => this.#open(user) };
  }

  /** Messages of a queue, the unacknowledged included, in the order of arrival. */
  messagesIn(queue: string): readonly StoredMessage[] {
    return this.#queues.get(queue)?.messages ?? [];
  }

  /** Ends connections without a goodbye: those of one user, or all. */
  closeConnections(user?: string): void {
    for (const session of [...this.#sessions]) if (user === undefined || session.user === user) session.end();
    if (user === undefined) this.faults.releaseConfirms();
  }

  /** Ends all connections and refuses new ones until {@link start}. */
  stop(): void {
    this.#isUp = false;
    this.closeConnections();
  }

  /** Takes connections again. */
  start(): void {
    this.#isUp = true;
  }

  /** Loses everything that it holds, topology included, as if its disk were gone. */
  wipe(): void {
    this.closeConnections();
    for (const queue of this.#queues.values()) queue.delete();
    for (const held of [this.#exchanges, this.#queues, this.#bindings, this.#policies, this.#rights]) held.clear();
    this.#router = new MemoryRouter([]);
  }

  /** Deletes a queue with all that it holds; its consumers are cancelled. */
  deleteQueue(name: string): void {
    this.#queues.get(name)?.delete();
    this.#queues.delete(name);
  }

  /** Whether publishing is blocked. */
  get isBlocked(): boolean {
    return this.faults.isBlocked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#brokers].map((broker) => broker[Symbol.asyncDispose]()));
  }

  accept(user: string, messages: readonly OutgoingMessage[]): PublishOutcome | Promise<PublishOutcome> {
    const { exchange, routingKey, isMandatory, messageId } = messages[0]!;
    const what = () => `Cannot publish "${messageId}" to "${exchange}" with key "${routingKey}"`;
    if (!this.#rights.get(user)?.mayWrite(exchange, routingKey)) {
      throw brokerError(`${what()}: "${user}" may not`, "access-refused");
    }
    if (exchange !== "" && !this.#exchanges.has(exchange)) {
      throw brokerError(`${what()}: there is no such exchange`, "not-found");
    }
    const isTaken = this.#route({
      messages: messages.map((outgoing) => ({ ...outgoing, body: outgoing.body.slice() })),
      userId: user,
      exchange,
      routingKey,
    });
    const outcome: PublishOutcome = isTaken || !isMandatory ? "confirmed" : "returned";
    return this.faults.confirm(outcome);
  }

  openQueue(user: string, name: string): MemoryQueue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw brokerError(`Cannot consume "${name}": there is no such queue`, "not-found");
    if (!this.#rights.get(user)?.mayRead(name)) {
      throw brokerError(`Cannot consume "${name}": "${user}" may not`, "access-refused");
    }
    return queue;
  }

  #route(parcel: StoredParcel): boolean {
    let isTaken = false;
    for (const name of this.#router.queuesFor(parcel.exchange, parcel.routingKey)) {
      const queue = this.#queues.get(name);
      if (queue === undefined) continue;
      isTaken = true;
      const latencyMs = this.faults.drawLatencyMs();
      if (latencyMs === undefined) this.#store(queue, parcel);
      else this.#options.clock.delay(latencyMs, this.#stop.signal).then(() => this.#store(queue, parcel));
    }
    return isTaken;
  }

  #store(queue: MemoryQueue, parcel: StoredParcel): void {
    const entry = queue.push(parcel);
    const ttlMs = queue.policy?.messageTtlMs;
    if (ttlMs === undefined) return;
    this.#options.clock.delay(ttlMs, this.#stop.signal).then(() => {
      if (!this.#stop.signal.aborted) queue.expire(entry);
    });
  }

  async #open(user: string): Promise<TransportSession> {
    // As over a network: a connection takes at least a moment.
    await Promise.resolve();
    if (!this.#isUp) throw brokerError(`Cannot connect "${user}": the server is stopped`, "connection-lost");
    if (!this.#rights.has(user)) throw brokerError(`Cannot connect "${user}": no such user`, "connection-lost");
    const { clock, confirmLimitMs = 10_000 } = this.#options;
    const session = new MemorySession({ server: this, user, clock, confirmLimitMs });
    this.#sessions.add(session);
    session.lost.addEventListener("abort", () => this.#sessions.delete(session), { once: true });
    return session;
  }
}

/** Routers by their bindings: many servers of one topology share what one of them has found out. */
const routers = new WeakMap<readonly BindingSpec[], MemoryRouter>();

function routerOf(bindings: readonly BindingSpec[]): MemoryRouter {
  let router = routers.get(bindings);
  if (router === undefined) {
    router = new MemoryRouter(bindings);
    routers.set(bindings, router);
  }
  return router;
}
