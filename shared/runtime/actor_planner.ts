import type { Behaviour, DecisionContext, EffectRequest, OperatorAct, Outgoing } from "@mesh/actor";
import { ConflictError, DefectError, type IdSource, invariant, type Json } from "@mesh/base";
import { type AnyCommand, type AnyEvent, outcomeCommandType, timerCommandType } from "@mesh/contract";
import type { EffectEntry, InboxEntry, OutboxEntry, Store, StoredEvent, TimerEntry, TurnWrites } from "@mesh/store";
import { FirstMessages } from "./first_messages.ts";
import { type CachedActor, foldStream, StateCache, untouchedActor } from "./state_cache.ts";
import type { Unsealed, UnsealedWrites } from "./sealing.ts";
import type { Occasion, Speaker } from "./speaker.ts";
import { isLocal, operatorActType, type Plan, type Planner, type Work } from "./work.ts";

/** Digest of inbox rows that an undo wrote; it agrees with whatever comes late. */
export const voidedDigest = "";

/** What an actor planner needs. */
export interface ActorPlannerOptions {
  readonly behaviour: Behaviour;
  readonly store: Store;
  readonly speaker: Speaker;
  readonly ids: IdSource;
  readonly cacheMax: number;
  /** Events after which a state is stored as a snapshot. */
  readonly snapshotEvery: number;
  /** Whether other processes may write the same actors. */
  readonly hasReplicas: boolean;
}

/** An actor in the middle of a batch. */
interface Draft extends CachedActor {
  /** Version that the commit will assert. */
  readonly loadedVersion: number;
}

interface Writes {
  readonly inbox: InboxEntry[];
  readonly voided: InboxEntry[];
  readonly events: Unsealed<StoredEvent>[];
  readonly outbox: Unsealed<OutboxEntry>[];
  readonly answered: string[];
  readonly timers: Map<string, TimerEntry>;
  readonly effects: EffectEntry[];
  readonly endedEffects: TurnWrites["endedEffects"][number][];
}

/**
 * Decides batches for actors and saga hosts: messages of one key in order, each on the state that the one before left.
 *
 * A decision that throws leaves no trace of its message; the others go on.
 */
export class ActorPlanner implements Planner {
  readonly #options: ActorPlannerOptions;
  readonly #cache: StateCache;
  readonly #firstMessages = new FirstMessages();
  readonly #effects: ReadonlyMap<string, Behaviour["effects"][number]>;
  readonly #timerType: string;
  readonly #outcomeType: string;
  readonly inboxConsumer: string;

  constructor(options: ActorPlannerOptions) {
    this.#options = options;
    this.#timerType = timerCommandType(options.behaviour.service);
    this.#outcomeType = outcomeCommandType(options.behaviour.service);
    this.#cache = new StateCache(options.cacheMax);
    this.#effects = new Map(options.behaviour.effects.map((effect) => [effect.effect, effect]));
    this.inboxConsumer = options.behaviour.service;
  }

  groupOf(work: Work): string {
    return this.#streamOf(work) ?? work.subject;
  }

  /**
   * Commands to one actor within one flow are a lane, and so are events to it from one stream. An undo, a timer, the outcome
   * of an effect and what this process gave itself are held up by nothing: each of them may be what ends the waiting.
   */
  laneOf(work: Work): string | undefined {
    const { received, undoes, caller, subject } = work;
    if (caller !== undefined || undoes.length > 0 || this.#isInternal(work)) return undefined;
    const stream = this.#streamOf(work);
    if (stream === undefined) return undefined;
    return `${stream}~${received.kind === "command" ? received.correlation : subject}`;
  }

  async load(works: readonly Work[]): Promise<void> {
    const { store, behaviour } = this.#options;
    const missing = new Map<string, Work>();
    for (const work of works) {
      const stream = this.#streamOf(work);
      if (stream === undefined || missing.has(stream) || this.#cache.find(stream) !== undefined) continue;
      missing.set(stream, work);
    }
    if (missing.size === 0 || this.#guess(missing)) return;
    for (const loaded of await store.loadStreams([...missing.keys()], behaviour.stateVersion)) {
      this.#firstMessages.observe(missing.get(loaded.stream)!.received.type, loaded.version === 0);
      this.#cache.set(loaded.stream, foldStream(behaviour, this.#keyOfStream(loaded.stream), loaded));
    }
  }

  /**
   * Takes actors for new ones where everything speaks for it, which saves the turn its first question to the database.
   * All of them or none: a question costs the same for one and for many.
   */
  #guess(missing: ReadonlyMap<string, Work>): boolean {
    for (const { isSuspect, received } of missing.values()) {
      if (isSuspect || !this.#firstMessages.isFirst(received.type)) return false;
    }
    for (const [stream, { received }] of missing) {
      const actor = untouchedActor(this.#options.behaviour, this.#keyOfStream(stream));
      this.#cache.set(stream, { ...actor, guessedFor: received.type });
    }
    return true;
  }

  plan(works: readonly Work[], nowMs: number): Plan {
    const drafts = new Map<string, Draft>();
    const writes: Writes = {
      inbox: [],
      voided: [],
      events: [],
      outbox: [],
      answered: [],
      timers: new Map(),
      effects: [],
      endedEffects: [],
    };
    const failures = new Map<Work, unknown>();
    let isUnsure = false;
    const recorded = new Map<Work, readonly (AnyEvent & { id: string })[]>();
    const undone = new Set<string>();
    for (const work of works) {
      // Its undo stands earlier in this very batch and writes it into the inbox.
      if (undone.has(work.received.id)) continue;
      try {
        recorded.set(work, this.#take(work, nowMs, drafts, writes));
        for (const id of work.undoes) undone.add(id);
      } catch (error) {
        failures.set(work, error);
        isUnsure = this.#unguess(this.#streamOf(work)) || isUnsure;
      }
    }
    return {
      isUnsure,
      writes: this.#gather(drafts, writes),
      failures,
      recorded,
      committed: () => this.#keep(drafts),
    };
  }

  forget(stale?: readonly string[]): void {
    if (stale === undefined) return this.#cache.clear();
    for (const stream of stale) {
      this.#unguess(stream);
      this.#cache.delete(stream);
    }
  }

  /** Drops what was guessed of an actor. @returns Whether anything was. */
  #unguess(stream: string | undefined): boolean {
    const guessedFor = stream === undefined ? undefined : this.#cache.find(stream)?.guessedFor;
    if (guessedFor === undefined) return false;
    this.#firstMessages.observe(guessedFor, false);
    this.#cache.delete(stream!);
    return true;
  }

  /** Decides one message; everything that can throw comes before the first push. */
  #take(
    work: Work,
    nowMs: number,
    drafts: Map<string, Draft>,
    writes: Writes,
  ): readonly (AnyEvent & { id: string })[] {
    const { behaviour } = this.#options;
    const stream = this.#streamOf(work);
    const isExpired = work.expiresAtMs !== undefined && work.expiresAtMs < nowMs;
    if (stream === undefined || isExpired) {
      this.#noteHandled(work, writes);
      return [];
    }
    const draft = drafts.get(stream) ?? this.#draftOf(stream);
    const outgoing = this.#decide(work, draft, nowMs);
    const spoken = this.#speak(work, stream, draft, outgoing, nowMs);

    const timer = behaviour.hasTimers ? this.#timerOf(work, draft, spoken.draft) : undefined;
    if (timer !== undefined) writes.timers.set(stream, { stream, dueAtMs: timer });
    drafts.set(stream, timer === undefined ? spoken.draft : { ...spoken.draft, armedMs: timer });
    this.#noteHandled(work, writes);
    writes.events.push(...spoken.events);
    writes.outbox.push(...spoken.outbox);
    writes.effects.push(...spoken.effects);
    writes.answered.push(...spoken.undone);
    return spoken.recorded;
  }

  /**
   * Says when the store must wake the actor, where it does not know already.
   *
   * A timer that comes too early does no harm: its turn finds that the deadline is another one and sets it. So a deadline
   * that moves on with every step is written once and not with each of them. With replicas it always is: another process
   * may have set a later one since this one looked.
   *
   * @returns Milliseconds since 1970, null for never, `undefined` to leave the store's timer as it is.
   */
  #timerOf(work: Work, before: Draft, after: Draft): number | null | undefined {
    const { behaviour, hasReplicas } = this.#options;
    const dueMs = behaviour.dueAtMs(after.state) ?? null;
    if (this.#isTimer(work)) return dueMs;
    const { armedMs } = before;
    if (armedMs === undefined || hasReplicas) {
      return (behaviour.dueAtMs(before.state) ?? null) === dueMs ? undefined : dueMs;
    }
    if (dueMs === null || armedMs === null) return dueMs === armedMs ? undefined : dueMs;
    return armedMs <= dueMs ? undefined : dueMs;
  }

  #decide(work: Work, draft: Draft, nowMs: number): readonly Outgoing[] {
    const { behaviour, ids } = this.#options;
    const { received } = work;
    const about: DecisionContext = {
      now: new Date(nowMs),
      messageId: received.id,
      correlation: received.correlation,
      issuer: work.issuer,
      newId: () => ids.next(),
    };
    const context = work.cause === undefined ? about : { ...about, cause: work.cause };
    if (this.#isTimer(work)) {
      const { dueAtMs } = received.data as { readonly dueAtMs: number };
      const isCurrent = behaviour.dueAtMs(draft.state) === dueAtMs;
      if (!isCurrent) return [];
      const outgoing = behaviour.decideTimer(draft.state, context);
      invariant(outgoing.length > 0, `Cannot fire timer of "${work.subject}": the deadline changed nothing`);
      return outgoing;
    }
    if (received.type === this.#outcomeType) {
      const { effect, outcome } = received.data as { readonly effect: string; readonly outcome: unknown };
      const definition = this.#effects.get(effect);
      invariant(definition !== undefined, `Cannot record outcome: effect "${effect}" is unknown`);
      const parsed = definition.outcomeSchema.safeParse(outcome);
      invariant(parsed.success, `Cannot record outcome of "${effect}": it breaks the effect's schema`);
      return behaviour.decideOutcome(draft.state, effect, parsed.data, context);
    }
    if (received.type === operatorActType) return this.#operate(work, draft, context);
    const outgoing = behaviour.decide(draft.state, received, context);
    const isAnswered = outgoing.some(({ kind }) => kind !== "command");
    if (received.kind === "command" && !isAnswered) {
      throw new DefectError(`Cannot handle "${received.type}": the decision neither answers nor asks for an effect`);
    }
    return outgoing;
  }

  #operate({ subject, received }: Work, { state }: Draft, context: DecisionContext): readonly Outgoing[] {
    const { behaviour } = this.#options;
    if (behaviour.operate !== undefined) return behaviour.operate(state, received.data as OperatorAct, context);
    throw new ConflictError(
      `Cannot act on "${subject}": what it waits for follows from its own events; send it a command`,
    );
  }

  #speak(work: Work, stream: string, from: Draft, outgoing: readonly Outgoing[], nowMs: number) {
    const { behaviour, speaker, ids } = this.#options;
    const { received } = work;
    const uncaused: Occasion = {
      correlation: received.correlation,
      causation: work.causation ?? received.id,
      headers: work.headers,
      nowMs,
    };
    const occasion = work.cause === undefined ? uncaused : { ...uncaused, cause: work.cause };
    const isAsked = received.kind === "command" && !isLocal(work) && !this.#isInternal(work);
    const events: Unsealed<StoredEvent>[] = [];
    const outbox: Unsealed<OutboxEntry>[] = [];
    const recorded: (AnyEvent & { id: string })[] = [];
    const undone: string[] = [];
    let draft = from;
    for (const message of outgoing) {
      if (message.kind !== "event") continue;
      const re = message.re ?? (isAsked ? [received.id] : []);
      const { stored, entry } = speaker.event(message, { name: stream, version: draft.version, hash: draft.hash }, {
        ...occasion,
        re,
      });
      const state = behaviour.evolve(draft.state, message);
      draft = { ...draft, state, version: stored.version, hash: stored.hash };
      events.push(stored);
      if (entry !== undefined) outbox.push(entry);
      undone.push(...message.ends ?? []);
      recorded.push({ ...message, id: stored.id });
    }
    for (const message of outgoing) {
      if (message.kind !== "command") continue;
      outbox.push(speaker.command(message, idOf(message) ?? ids.next(), stream, occasion));
      undone.push(...message.undoes ?? []);
    }
    const requests = outgoing.filter((message): message is EffectRequest => message.kind === "effect");
    invariant(
      requests.length === 0 || events.length > 0,
      `Cannot ask for effect "${requests[0]?.effect}": its idempotency key needs an event beside it`,
    );
    const effects = requests.map((request, index) => this.#effectEntry(request, stream, draft.version, index, work));
    return { draft, events, outbox, effects, recorded, undone };
  }

  #effectEntry(request: EffectRequest, stream: string, version: number, index: number, work: Work): EffectEntry {
    const definition = this.#effects.get(request.effect);
    invariant(definition !== undefined, `Cannot ask for effect "${request.effect}": the service does not define it`);
    return {
      id: `${stream}@${version}.${index}`,
      stream,
      effect: request.effect,
      dependency: definition.dependency,
      ...(definition.supersedes.length === 0 ? {} : { supersedes: definition.supersedes }),
      request: request.request as Json,
      correlation: work.received.correlation,
      causedBy: {
        messageId: work.received.id,
        ...(work.cause === undefined ? {} : { cause: { ...work.cause } }),
      },
      headers: work.headers,
    };
  }

  #noteHandled(work: Work, writes: Writes): void {
    const { service } = this.#options.behaviour;
    const { received, endsEffect } = work;
    if (endsEffect !== undefined) {
      writes.endedEffects.push({ id: endsEffect.id, leaseEpoch: endsEffect.leaseEpoch });
      return;
    }
    writes.inbox.push({ messageId: received.id, consumer: service, digest: work.digest });
    for (const messageId of work.undoes) writes.voided.push({ messageId, consumer: service, digest: voidedDigest });
    writes.answered.push(...received.re);
    if (received.kind === "command" && work.issuer === service) writes.answered.push(received.id);
  }

  #gather(drafts: ReadonlyMap<string, Draft>, writes: Writes): UnsealedWrites {
    const { snapshotEvery, behaviour } = this.#options;
    const snapshots = [...drafts].filter(([, draft]) => draft.version - draft.snapshotVersion >= snapshotEvery);
    return {
      inbox: writes.inbox,
      voided: writes.voided,
      expected: [...drafts].map(([stream, { loadedVersion }]) => ({ stream, version: loadedVersion })),
      events: writes.events,
      snapshots: snapshots.map(([stream, { version, state }]) => ({
        stream,
        version,
        stateVersion: behaviour.stateVersion,
        state: state as Json,
      })),
      outbox: writes.outbox,
      answered: writes.answered,
      confirmed: [],
      awaiting: [],
      timers: [...writes.timers.values()],
      effects: writes.effects,
      endedEffects: writes.endedEffects,
      deadLetters: [],
      rows: [],
    };
  }

  #keep(drafts: ReadonlyMap<string, Draft>): void {
    const { snapshotEvery } = this.#options;
    for (const [stream, { state, version, hash, snapshotVersion, armedMs }] of drafts) {
      const isSnapshotted = version - snapshotVersion >= snapshotEvery;
      const actor = { state, version, hash, snapshotVersion: isSnapshotted ? version : snapshotVersion };
      this.#cache.set(stream, armedMs === undefined ? actor : { ...actor, armedMs });
    }
  }

  #draftOf(stream: string): Draft {
    const cached = this.#cache.find(stream);
    invariant(cached !== undefined, `Cannot decide on "${stream}": it was not loaded`);
    return { ...cached, loadedVersion: cached.version };
  }

  #streamOf(work: Work): string | undefined {
    const { behaviour } = this.#options;
    const key = this.#isInternal(work) ? work.received.key : behaviour.keyOf(work.received);
    return key === undefined ? undefined : `${behaviour.service}/${key}`;
  }

  #keyOfStream(stream: string): string {
    return stream.slice(this.#options.behaviour.service.length + 1);
  }

  #isTimer(work: Work): boolean {
    return work.received.type === this.#timerType;
  }

  #isInternal(work: Work): boolean {
    const { type } = work.received;
    return type === this.#timerType || type === this.#outcomeType || type === operatorActType;
  }
}

/** The id that a decision drew for a command, where it needed to know it. */
function idOf(message: AnyCommand & { readonly id?: string }): string | undefined {
  return message.id;
}
