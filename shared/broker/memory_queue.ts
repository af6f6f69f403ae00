import type { Delivery, OutgoingMessage } from "./broker.ts";
import type { PolicySpec, QueueSpec } from "./topology.ts";

/** A message at rest, on its own whether or not it came in a bundle. */
export interface StoredMessage extends Omit<StoredParcel, "messages"> {
  readonly outgoing: OutgoingMessage;
}

/** What was published as one: a message or a bundle. */
export interface StoredParcel {
  readonly messages: readonly OutgoingMessage[];
  /** Who published it; the broker's own stamp. */
  readonly userId: string;
  /** Exchange and key of the last hop; those of the first message until it is dead-lettered. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly lastDeath?: NonNullable<Delivery["lastDeath"]>;
}

/** A place in one queue. */
export interface QueueEntry {
  readonly parcel: StoredParcel;
  /** Rises in the order of arrival. */
  readonly position: number;
  readonly isRedelivered: boolean;
  /** Times that it was given back. */
  readonly failureCount: number;
}

/** Who takes from a queue. */
export interface QueueSubscriber {
  readonly priority: number;
  readonly prefetch: number;
  deliver(queue: MemoryQueue, entry: QueueEntry): void;
  /** The queue was deleted. */
  noteCancel(queue: MemoryQueue): void;
}

/** What a queue asks of its server. */
export interface QueueHooks {
  /** Whether the entry's next delivery is to happen twice; asked once per delivery. */
  takeDuplicate(queue: string): boolean;
  /** Passes a message on; false when no queue takes it. */
  deadLetter(parcel: StoredParcel, queue: MemoryQueue): boolean;
}

/** Why a queue lets go of a message without an acknowledgement; the words of RabbitMQ. */
export type DeathReason = "rejected" | "delivery_limit" | "expired";

/** A quorum queue in memory: prefetch, single active consumer, delivery limit, dead-lettering at least once. */
export class MemoryQueue {
  readonly spec: QueueSpec;
  policy: PolicySpec | undefined;
  readonly #hooks: QueueHooks;
  readonly #ready: QueueEntry[] = [];
  readonly #unacknowledged = new Map<QueueEntry, QueueSubscriber>();
  /** Dead, but nothing takes them: at-least-once dead-lettering keeps them here. */
  #stranded: { readonly entry: QueueEntry; readonly reason: DeathReason }[] = [];
  #subscribers: QueueSubscriber[] = [];
  #active: QueueSubscriber | undefined;
  #arrivalCount = 0;
  #isDeleted = false;

  constructor(spec: QueueSpec, hooks: QueueHooks) {
    this.spec = spec;
    this.#hooks = hooks;
  }

  get name(): string {
    return this.spec.name;
  }

  /** What it holds, the unacknowledged included, in the order of arrival; bundles taken apart. */
  get messages(): readonly StoredMessage[] {
    const entries = [...this.#ready, ...this.#unacknowledged.keys(), ...this.#stranded.map(({ entry }) => entry)];
    return entries.sort((a, b) => a.position - b.position).flatMap(({ parcel: { messages, ...rest } }) =>
      messages.map((outgoing) => ({ outgoing, ...rest }))
    );
  }

  /** Takes a message in, at the tail. */
  push(parcel: StoredParcel): QueueEntry {
    this.#arrivalCount += 1;
    const entry = { parcel, position: this.#arrivalCount, isRedelivered: false, failureCount: 0 };
    if (!this.#isDeleted) this.#ready.push(entry);
    this.#pump();
    return entry;
  }

  subscribe(subscriber: QueueSubscriber): void {
    this.#subscribers.push(subscriber);
    this.#pump();
  }

  /** Ends deliveries to a subscriber; what it holds stays its own. */
  unsubscribe(subscriber: QueueSubscriber): void {
    this.#subscribers = this.#subscribers.filter((other) => other !== subscriber);
    if (this.#active === subscriber) this.#active = undefined;
    this.#pump();
  }

  acknowledge(entry: QueueEntry): void {
    if (this.#unacknowledged.delete(entry)) this.#pump();
  }

  /** Lets go of a delivery: back to its place, which counts as a failure, or to the dead letters. */
  reject(entry: QueueEntry, isRequeued: boolean): void {
    if (this.#unacknowledged.delete(entry)) this.#putBack(entry, isRequeued);
    this.#pump();
  }

  /** Takes back what a closed channel held. */
  giveBack(entries: readonly QueueEntry[]): void {
    for (const entry of entries) if (this.#unacknowledged.delete(entry)) this.#putBack(entry, true);
    this.#pump();
  }

  /** Ends an entry's time to live, if it still waits. */
  expire(entry: QueueEntry): void {
    const at = this.#ready.indexOf(entry);
    if (at < 0) return;
    this.#ready.splice(at, 1);
    this.#die(entry, "expired");
  }

  /** Tries again to pass on what nothing took. */
  retryStranded(): void {
    const stranded = this.#stranded;
    this.#stranded = [];
    for (const { entry, reason } of stranded) this.#die(entry, reason);
  }

  /** Drops everything and tells the subscribers. */
  delete(): void {
    this.#isDeleted = true;
    this.#ready.length = 0;
    this.#unacknowledged.clear();
    this.#stranded = [];
    const subscribers = this.#subscribers;
    this.#subscribers = [];
    for (const subscriber of subscribers) subscriber.noteCancel(this);
  }

  #putBack(entry: QueueEntry, isRequeued: boolean): void {
    if (this.#isDeleted) return;
    const failureCount = entry.failureCount + 1;
    if (!isRequeued) return this.#die(entry, "rejected");
    if (failureCount > (this.policy?.deliveryLimit ?? Infinity)) return this.#die(entry, "delivery_limit");
    const at = this.#ready.findIndex(({ position }) => position > entry.position);
    this.#ready.splice(at < 0 ? this.#ready.length : at, 0, { ...entry, isRedelivered: true, failureCount });
  }

  #die(entry: QueueEntry, reason: DeathReason): void {
    const { deadLetterExchange, deadLetterRoutingKey } = this.policy ?? {};
    if (deadLetterExchange === undefined) return;
    const isTaken = this.#hooks.deadLetter({
      ...entry.parcel,
      exchange: deadLetterExchange,
      routingKey: deadLetterRoutingKey ?? entry.parcel.routingKey,
      lastDeath: { reason, queue: this.name },
    }, this);
    if (!isTaken) this.#stranded.push({ entry, reason });
  }

  #pump(): void {
    for (;;) {
      const subscriber = this.#nextSubscriber();
      if (subscriber === undefined) return;
      const entry = this.#ready.shift();
      if (entry === undefined) return;
      this.#unacknowledged.set(entry, subscriber);
      if (this.#hooks.takeDuplicate(this.name)) this.#ready.unshift({ ...entry, isRedelivered: true });
      subscriber.deliver(this, entry);
    }
  }

  /** The next one with room; with a single active consumer only that one, chosen by priority when its place is free. */
  #nextSubscriber(): QueueSubscriber | undefined {
    const [only] = this.#subscribers;
    if (only === undefined) return undefined;
    if (this.#subscribers.length === 1) {
      if (this.spec.isSingleActiveConsumer) this.#active ??= only;
      return (this.#active ?? only) === only && this.#hasRoom(only) ? only : undefined;
    }
    const byPriority = this.#subscribers.toSorted((a, b) => b.priority - a.priority);
    if (this.spec.isSingleActiveConsumer) {
      this.#active ??= byPriority[0];
      return this.#active !== undefined && this.#hasRoom(this.#active) ? this.#active : undefined;
    }
    const next = byPriority.find((subscriber) => this.#hasRoom(subscriber));
    if (next === undefined) return undefined;
    // To the end of the line, so that equals take turns.
    this.#subscribers = [...this.#subscribers.filter((subscriber) => subscriber !== next), next];
    return next;
  }

  #hasRoom(subscriber: QueueSubscriber): boolean {
    if (this.#unacknowledged.size < subscriber.prefetch) return true;
    let count = 0;
    for (const holder of this.#unacknowledged.values()) if (holder === subscriber) count += 1;
    return count < subscriber.prefetch;
  }
}
