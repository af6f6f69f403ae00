import type { AnyContract } from "@mesh/contract";
import { type Ask, nothingToUndo, type Saga } from "./definition.ts";

/** Everything about a saga that running instances depend on; plain JSON, kept in a lock file. */
export interface SagaStructure {
  readonly startedBy: string;
  readonly steps: readonly {
    readonly name: string;
    readonly kind: string;
    readonly command: string;
    readonly succeedsOn: string;
    readonly failsOn?: string;
    readonly giveUpAfterMs?: number;
    readonly undo?: { readonly command: string; readonly succeedsOn: string };
  }[];
  readonly cancelledBy?: { readonly event: string; readonly command: string; readonly succeedsOn: string };
  readonly completed: { readonly command: string; readonly succeedsOn: string };
  readonly rejected: { readonly command: string; readonly succeedsOn: string };
}

/** A lock file: structures by `<saga>#<version>`. */
export type SagaLock = Readonly<Record<string, SagaStructure>>;

/** @returns The saga's structure: steps in order and contracts by `<type>#<version>`. */
export function sagaStructure(saga: Saga): SagaStructure {
  return {
    startedBy: nameOf(saga.startedBy),
    steps: saga.steps.map(({ name, kind, failsOn, giveUpAfterMs, compensate, ...ask }) => ({
      name,
      kind,
      ...askStructure(ask),
      ...(failsOn && { failsOn: nameOf(failsOn) }),
      ...(giveUpAfterMs !== undefined && { giveUpAfterMs }),
      ...(compensate !== nothingToUndo && { undo: askStructure(compensate) }),
    })),
    ...(saga.cancelledBy && {
      cancelledBy: { event: nameOf(saga.cancelledBy.event), ...askStructure(saga.cancelledBy) },
    }),
    completed: askStructure(saga.ends.completed),
    rejected: askStructure(saga.ends.rejected),
  };
}

/** @returns The lock that fits these sagas. */
export function lockOf(sagas: readonly Saga[]): SagaLock {
  return Object.fromEntries(sagas.map((saga) => [`${saga.name}#${saga.version}`, sagaStructure(saga)]));
}

/**
 * Compares sagas with what was locked.
 *
 * A locked version never changes; a new one is added. A version may leave only together with its entry, once no
 * instance is unfinished.
 *
 * @returns One sentence per difference; empty when there is none.
 */
export function lockComplaints(lock: SagaLock, sagas: readonly Saga[]): readonly string[] {
  const current = lockOf(sagas);
  const changed = Object.keys(current).flatMap((name) => {
    const locked = lock[name];
    if (locked === undefined) return [`"${name}" is not in the lock file: add it`];
    if (JSON.stringify(sorted(locked)) === JSON.stringify(sorted(current[name]))) return [];
    return [`"${name}" differs from the lock file: give the change a new version and keep the old file`];
  });
  const gone = Object.keys(lock).filter((name) => !(name in current));
  return [...changed, ...gone.map((name) => `"${name}" is locked but no longer defined: running instances need it`)];
}

function askStructure({ command, succeedsOn }: Ask): { command: string; succeedsOn: string } {
  return { command: nameOf(command), succeedsOn: nameOf(succeedsOn) };
}

function nameOf({ type, version }: AnyContract): string {
  return `${type}#${version}`;
}

/** The same value with the members of every object in order, so that order in the file does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([one], [other]) => one < other ? -1 : 1).map((
      [name, member],
    ) => [name, sorted(member)]),
  );
}
