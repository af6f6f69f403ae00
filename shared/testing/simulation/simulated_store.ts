import { UnavailableError } from "@mesh/base";
import type { MemoryDatabase, MemoryStore, Store, StoreOperation } from "@mesh/store";
import type { Simulated, SimulatedProcess } from "./process.ts";

/** What the store of one process stands on. */
export interface SimulatedStoreOptions {
  readonly simulated: Simulated;
  readonly process: SimulatedProcess;
  /** The store that does the work; its database outlives the process. */
  readonly inner: MemoryStore;
  /** That database. */
  readonly database: MemoryDatabase;
  /** Whether the database cannot be reached just now. */
  readonly isAway: () => boolean;
  /** Hears of each call that took effect, before the process does. */
  readonly observe: (operation: StoreOperation, args: readonly unknown[], result: unknown) => void;
}

const operations: readonly StoreOperation[] = [
  "loadStreams",
  "commit",
  "findHandled",
  "requeueAnswers",
  "claimOutbox",
  "settleOutbox",
  "redriveOutbox",
  "readDueTimers",
  "fireTimers",
  "claimEffects",
  "finishEffect",
  "releaseEffect",
  "readFeed",
  "readStream",
  "loadFeedCursor",
  "saveFeedCursor",
  "loadRows",
  "listRows",
  "readGeneration",
  "switchGeneration",
  "dropRows",
  "listDeadLetters",
  "findDeadLetter",
  "settleDeadLetters",
  "findFates",
  "startRedrive",
  "claimRedrive",
  "advanceRedrive",
  "findRedrive",
  "listRedrives",
  "listRedriveItems",
  "readLanes",
  "readParked",
  "noteRun",
  "countBegun",
  "noteBegun",
  "noteEnded",
  "listStreams",
  "countStreams",
  "readStatus",
  "nowMs",
];

const writing: ReadonlySet<StoreOperation> = new Set([
  "commit",
  "requeueAnswers",
  "fireTimers",
  "finishEffect",
  "settleOutbox",
  "startRedrive",
  "advanceRedrive",
]);

/**
 * Puts a network and its faults between a process and its database: every call takes its time, may fail before or after
 * it took effect, and may be the last thing that the process has done.
 */
export function simulatedStore(options: SimulatedStoreOptions): Store {
  const store: Record<string | symbol, unknown> = { [Symbol.asyncDispose]: () => Promise.resolve() };
  for (const operation of operations) {
    store[operation] = (...args: unknown[]) => call(options, operation, args);
  }
  return store as unknown as Store;
}

function call(options: SimulatedStoreOptions, operation: StoreOperation, args: readonly unknown[]): Promise<unknown> {
  const { simulated: { scheduler, random, faults }, process, database } = options;
  if (isIdleLook(operation, database)) return Promise.resolve([]);
  const answer = Promise.withResolvers<unknown>();
  const slowMs = faults.strikes("store-slow") ? random.between(100, 9_000) : 0;
  const executes = () => execute(options, operation, args, answer);
  // A commit that is on its way arrives even if its sender dies meanwhile; nobody will hear of it.
  scheduler.after(random.between(0.1, 2) + slowMs, writing.has(operation) ? undefined : process, executes);
  return answer.promise;
}

/**
 * Says whether a process looks for work in tables that are empty: it does so all the time, and nothing that could go wrong
 * on the way would make a difference.
 */
function isIdleLook(operation: StoreOperation, { tables: { outbox, timers, effects } }: MemoryDatabase): boolean {
  switch (operation) {
    case "claimOutbox":
      return outbox.size === 0;
    case "readDueTimers":
      return timers.size === 0;
    case "claimEffects":
      return effects.size === 0;
    default:
      return false;
  }
}

function execute(
  { simulated: { random, faults, tell }, process, inner, isAway, observe }: SimulatedStoreOptions,
  operation: StoreOperation,
  args: readonly unknown[],
  answer: PromiseWithResolvers<unknown>,
): void {
  const fail = (state: string) =>
    process.hand(() =>
      answer.reject(new UnavailableError(`Cannot ${operation}: ${state}`, { dependency: "postgres" }))
    );
  if (process.isDead && random.chance(0.5)) return;
  if (isAway() || (!process.isDead && faults.strikes("store-failed"))) return fail("the database is away");
  if (!process.isDead && faults.strikes("crash")) return process.kill(`before ${operation}`);
  const work = inner[operation] as (...args: readonly unknown[]) => Promise<unknown>;
  work.apply(inner, args as unknown[]).then(
    (result) => {
      observe(operation, args, result);
      if (process.isDead) return;
      if (writing.has(operation) && faults.strikes("crash-after-commit")) return process.kill(`after ${operation}`);
      if (writing.has(operation) && faults.strikes("store-answer-lost")) {
        tell?.(process.name, `does not hear that ${operation} took effect`, {});
        return fail("the outcome is unknown");
      }
      process.hand(() => answer.resolve(result));
    },
    (error) => process.hand(() => answer.reject(error)),
  );
}
