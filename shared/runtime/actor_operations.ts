import type { Behaviour, Cause, OperatorAct, RecordedEvent } from "@mesh/actor";
import { errorText, type IdSource } from "@mesh/base";
import type { DueTimer, Store, StoredTimer, StreamState, UnansweredCommand } from "@mesh/store";
import type { DatabaseClock } from "./database_clock.ts";
import { localWork } from "./local_work.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import { foldStream } from "./state_cache.ts";
import { correlationOf } from "./timer_loop.ts";
import type { TurnLoop } from "./turn_loop.ts";
import { operatorActType } from "./work.ts";

/** A timer in an operator's list. */
export interface TimerView {
  readonly stream: string;
  /** When the store wakes the actor, in milliseconds since 1970; never later than its deadline. */
  readonly wakesAtMs: number;
  /** When that has happened; null while it has not. */
  readonly firedAtMs: number | null;
  /** The actor's own deadline, which alone counts; null where it has none any more. */
  readonly dueAtMs: number | null;
  /** What the behaviour says about it; null where it says nothing. */
  readonly explanation: unknown;
  /** Why its state cannot be read; absent otherwise. */
  readonly fault?: string;
}

/** What one actor waits for. */
export interface ActorExplanation {
  readonly stream: string;
  readonly version: number;
  /** The store's timer; null where none is set. */
  readonly timer: Pick<TimerView, "wakesAtMs" | "firedAtMs"> | null;
  readonly dueAtMs: number | null;
  readonly unanswered: readonly UnansweredCommand[];
  readonly explanation: unknown;
}

/** What operators may see of and do to single actors. */
export interface ActorOperations {
  /** @returns Timers, the next one first; `next` continues the list and is null at its end. A page may be shorter. */
  listTimers(
    query: { readonly prefix: string; readonly dueBeforeMs?: number; readonly after?: string; readonly limit: number },
  ): Promise<{ readonly items: readonly TimerView[]; readonly next: string | null }>;
  /** @returns `undefined` when there is no such actor. */
  explain(stream: string): Promise<ActorExplanation | undefined>;
  /**
   * Does something to an actor, as an event of its own stream.
   *
   * @returns Where it stands then, and whether the act had been carried out before; `undefined` when there is no such actor.
   * @throws {ConflictError} If the actor is in no state for it.
   * @throws {ContractError} If it is no act that the actor knows.
   */
  act(stream: string, act: OperatorAct, by: Cause): Promise<Acted | undefined>;
}

/** What became of an act. */
export interface Acted extends ActorExplanation {
  readonly isRepeat: boolean;
}

/** What looking at actors and acting on them needs. */
export interface ActorOperationsOptions {
  readonly service: string;
  readonly store: Store;
  readonly loop: Pick<TurnLoop, "execute" | "exclusively">;
  readonly publisher: Pick<OutboxPublisher, "settleAll">;
  readonly ids: IdSource;
  readonly databaseClock: Pick<DatabaseClock, "nowMs">;
  /** Absent for a service that only projects: it has no actors. */
  readonly behaviour?: Behaviour;
}

/** Unanswered commands that are shown of one actor. */
const unansweredMax = 100;

/**
 * What operators do to single actors. An act is a turn like any other: decided by the actor on its own state, recorded
 * and signed in its own stream. No row is edited, so replicas, replays and auditors see the same.
 */
export function actorOperations(options: ActorOperationsOptions): ActorOperations {
  const { store } = options;
  return {
    listTimers: async ({ after, limit, ...query }) => {
      const rows = await store.listTimers({ ...query, ...cursorFrom(after), limit });
      const last = rows.at(-1);
      const views = await viewsOf(options, rows);
      return {
        items: views.filter(({ dueAtMs }) => (dueAtMs ?? 0) < (query.dueBeforeMs ?? Infinity)),
        next: last === undefined || rows.length < limit ? null : `${last.dueAtMs}:${last.stream}`,
      };
    },
    explain: (stream) => explain(options, stream),
    act: async (stream, act, by) => {
      if (await find(options, stream) === undefined) return undefined;
      const recorded = await take(options, stream, { act, by });
      const explained = await explain(options, stream);
      return explained && { ...explained, isRepeat: recorded.length === 0 };
    },
  };
}

/** Runs the act as a turn of its own. */
async function take(
  { service, store, loop, publisher, ids }: ActorOperationsOptions,
  stream: string,
  { act, by }: { readonly act: OperatorAct; readonly by: Cause },
): Promise<readonly RecordedEvent[]> {
  const key = stream.slice(service.length + 1);
  const facts = { service, id: ids.next(), correlation: correlationOf(key), cause: by, headers: {} };
  const work = localWork({ kind: "command", type: operatorActType, version: 1, key, data: act }, facts);
  const recorded: readonly RecordedEvent[] = await loop.execute(
    // What the actor is must be known, not guessed, or the refusal would be one of another state.
    { ...work, causation: act.id, isSuspect: true },
    (writes) => store.commit(writes),
  );
  if (recorded.some(({ asksAgain }) => asksAgain === true)) {
    await loop.exclusively(async () => {
      // What the broker has confirmed must not be taken for fresh afterwards.
      await publisher.settleAll();
      await store.redriveOutbox(stream);
    });
  }
  return recorded;
}

async function explain(options: ActorOperationsOptions, stream: string): Promise<ActorExplanation | undefined> {
  const { store, behaviour, service, databaseClock } = options;
  const found = await find(options, stream);
  if (found === undefined || behaviour === undefined) return undefined;
  const [timer] = await store.listTimers({ prefix: stream, stream, limit: 1 });
  const { state } = foldStream(behaviour, stream.slice(service.length + 1), found);
  return {
    stream,
    version: found.version,
    timer: timer === undefined ? null : { wakesAtMs: timer.dueAtMs, firedAtMs: timer.firedAtMs },
    dueAtMs: behaviour.dueAtMs(state) ?? null,
    unanswered: await store.listUnanswered(stream, unansweredMax),
    explanation: behaviour.explain?.(state, databaseClock.nowMs()) ?? null,
  };
}

/** @returns The actor's history; `undefined` for what is none, the service's own log included. */
async function find(
  { store, service, behaviour }: ActorOperationsOptions,
  stream: string,
): Promise<StreamState | undefined> {
  if (behaviour === undefined || !stream.startsWith(`${service}/`) || isLog.test(stream)) return undefined;
  const [found] = await store.loadStreams([stream], behaviour.stateVersion);
  return found === undefined || found.version === 0 ? undefined : found;
}

const isLog = /^[^/]+\/log-p\d+$/;

async function viewsOf(
  { store, service, behaviour, databaseClock }: ActorOperationsOptions,
  timers: readonly StoredTimer[],
): Promise<readonly TimerView[]> {
  if (behaviour === undefined || timers.length === 0) return [];
  const loaded = await store.loadStreams(timers.map(({ stream }) => stream), behaviour.stateVersion);
  return timers.map(({ stream, dueAtMs: wakesAtMs, firedAtMs }, at) => {
    try {
      const { state } = foldStream(behaviour, stream.slice(service.length + 1), loaded[at]!);
      const dueAtMs = behaviour.dueAtMs(state) ?? null;
      const explanation = behaviour.explain?.(state, databaseClock.nowMs()) ?? null;
      return { stream, wakesAtMs, firedAtMs, dueAtMs, explanation };
    } catch (error) {
      // One that nobody can read must not hide the others.
      return { stream, wakesAtMs, firedAtMs, dueAtMs: null, explanation: null, fault: errorText(error) };
    }
  });
}

/** Reads the cursor of a list; what is none begins at the beginning. */
function cursorFrom(text: string | undefined): { readonly after?: DueTimer } {
  const [, due, stream] = /^(-?\d+):(.+)$/.exec(text ?? "") ?? [];
  return due === undefined || stream === undefined ? {} : { after: { dueAtMs: Number(due), stream } };
}
