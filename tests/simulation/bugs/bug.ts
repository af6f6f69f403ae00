import type { Behaviour } from "@mesh/actor";
import { UnavailableError } from "@mesh/base";
import type { CommitResult, Store, TurnWrites } from "@mesh/store";
import type { Simulated, SimulatedMesh, Substitutes } from "@mesh/testing/simulation";

/** A mistake that real systems made, to be planted into a schedule. */
export interface Bug {
  /** Kebab-case; given to `--bug`. */
  readonly name: string;
  /** What is done wrong, in a few words. */
  readonly what: string;
  /** The rule that it breaks: a failure mode (`F47`), or a section of the architecture. */
  readonly rule: string;
  /** Plants it into one schedule. */
  readonly plant: () => Plant;
}

/** One planted mistake. */
export interface Plant {
  readonly substitutes?: Substitutes;
  /** Called once the mesh is made, before anything happens. */
  readonly begin?: (mesh: SimulatedMesh, simulated: Simulated) => void;
}

/** A mistake in every store of the mesh. */
export function inStores(change: (store: Store) => Partial<Store>): Bug["plant"] {
  return () => ({ substitutes: { store: (store) => ({ ...store, ...change(store) }) } });
}

/** A mistake in the store of one service. */
export function inStoreOf(service: string, change: (store: Store) => Partial<Store>): Bug["plant"] {
  return () => ({
    substitutes: {
      store: (store, process) => process.service === service ? { ...store, ...change(store) } : store,
    },
  });
}

/** A mistake in what every commit writes. */
export function inWrites(change: (writes: TurnWrites) => TurnWrites): Bug["plant"] {
  return inStores((store) => ({ commit: (writes) => store.commit(change(writes)) }));
}

/** A mistake in what is made of a commit's result. */
export function inResults(change: (result: CommitResult, writes: TurnWrites) => CommitResult): Bug["plant"] {
  return inStores((store) => ({ commit: async (writes) => change(await store.commit(writes), writes) }));
}

/** A mistake in the behaviour of one service. */
export function inBehaviourOf(service: string, change: (behaviour: Behaviour) => Partial<Behaviour>): Bug["plant"] {
  return () => ({
    substitutes: {
      behaviour: (behaviour, process) =>
        process.service === service ? { ...behaviour, ...change(behaviour) } : behaviour,
    },
  });
}

/** Whether nobody knows what became of a call. */
export function isUnknown(error: unknown): boolean {
  return error instanceof UnavailableError;
}
