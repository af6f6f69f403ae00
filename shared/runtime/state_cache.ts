import type { Behaviour } from "@mesh/actor";
import { InFlightMap } from "@mesh/base";
import type { StreamState } from "@mesh/store";

/** One actor as this process knows it after its last commit. */
export interface CachedActor {
  readonly state: unknown;
  /** Version of its stream. */
  readonly version: number;
  /** Hash of its last envelope; null at 0. */
  readonly hash: string | null;
  /** Version of its last snapshot; 0 when there is none. */
  readonly snapshotVersion: number;
  /**
   * When the store will wake it, in milliseconds since 1970; null for never, absent where this process does not know. It
   * may be earlier than the state asks for.
   */
  readonly armedMs?: number | null;
  /**
   * Present where nobody has looked: the type of message for which the stream was taken to be empty. A decision on it
   * counts once a commit has asserted that.
   */
  readonly guessedFor?: string;
}

/** Least-recently-used states by stream. A commit asserts every version, so a stale entry can do no harm. */
export class StateCache {
  readonly #entries = new InFlightMap<string, CachedActor>();
  readonly #countMax: number;

  /** @param countMax Actors kept; at least 1. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  find(stream: string): CachedActor | undefined {
    const entry = this.#entries.take(stream);
    if (entry !== undefined) this.#entries.set(stream, entry);
    return entry;
  }

  set(stream: string, actor: CachedActor): void {
    this.#entries.delete(stream);
    this.#entries.set(stream, actor);
    if (this.#entries.size <= this.#countMax) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(stream: string): void {
    this.#entries.delete(stream);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** @returns An actor that nothing has happened to, and so one without a timer. */
export function untouchedActor(behaviour: Behaviour, key: string): CachedActor {
  return { state: behaviour.initialState(key), version: 0, hash: null, snapshotVersion: 0, armedMs: null };
}

/**
 * Folds what the store holds of an actor into its state.
 *
 * @param behaviour Gives the fold.
 * @param key The actor's key.
 * @param loaded What the store holds.
 */
export function foldStream(behaviour: Behaviour, key: string, loaded: StreamState): CachedActor {
  if (loaded.version === 0) return untouchedActor(behaviour, key);
  let state: unknown = loaded.snapshot === undefined ? behaviour.initialState(key) : loaded.snapshot.state;
  for (const { type, schemaVersion, data } of loaded.events) {
    state = behaviour.evolve(state, { type, version: schemaVersion, data });
  }
  return { state, version: loaded.version, hash: loaded.hash, snapshotVersion: loaded.snapshot?.version ?? 0 };
}
