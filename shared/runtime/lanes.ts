import { changesLanes, lanesMark, type LaneTable, type LaneWrites, type Store, type TurnWrites } from "@mesh/store";
import { nextTierMs } from "./disposition.ts";
import {
  type ClosedLanes,
  closedLanes,
  isHead,
  laneChanges,
  type LaneOutcome,
  sortByLane,
  type Sorted,
} from "./lane_order.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { Planner, Work } from "./work.ts";

/** What keeping order needs. */
export interface LanesOptions {
  readonly store: Pick<Store, "readLanes">;
  readonly planner: Pick<Planner, "laneOf">;
  readonly settings: Pick<RuntimeSettings, "tiersMs" | "attemptsMax">;
  /** Called when something is to be seen to: a lane that may be let go, or one that is held up. */
  readonly onClosed?: () => void;
}

/**
 * Keeps the order of messages under failure: what this process knows of lanes that are not open.
 *
 * That is nothing as a rule, and then it costs nothing but the version that every turn asserts. After each change it is
 * read anew; failures are rare, and what is parked must never be miscounted.
 */
export class Lanes {
  readonly #options: LanesOptions;
  #table: LaneTable | undefined;
  #closed: ClosedLanes = new Map();

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** Reads the lanes where they are not known. */
  async load(): Promise<void> {
    if (this.#table !== undefined) return;
    const table = await this.#options.store.readLanes();
    this.#table = table;
    this.#closed = closedLanes(table);
    if (table.lanes.some(({ state }) => state !== "dead")) this.#options.onClosed?.();
  }

  /** Says that what is known may not be true any more. */
  forget(): void {
    this.#table = undefined;
  }

  /** Whether a conflict says that somebody else has changed the lanes. */
  static isMovedIn(stale: readonly string[]): boolean {
    return stale.includes(lanesMark);
  }

  /** Whether a lane waits for this message to be tried again. */
  isAwaited(work: Work): boolean {
    if (this.#closed.size === 0) return false;
    const lane = this.#closed.get(this.#laneOf(work) ?? "");
    return lane?.state === "retry" && isHead(work, lane);
  }

  /** Sorts out what may be decided; `failed` are those that cannot. */
  sort(works: readonly Work[], failed: ReadonlyMap<Work, unknown>): Sorted {
    if (this.#closed.size === 0 && failed.size === 0 && works.every(isFresh)) {
      return { going: works, parked: [] };
    }
    return sortByLane(works, this.#closed, { failed, laneOf: this.#laneOf });
  }

  /** @returns What a batch changes about lanes, on what is known of them. */
  changes(outcome: LaneOutcome, nowMs: number): LaneWrites {
    const version = this.#table?.version ?? 0;
    const { failures, parked, going, refused } = outcome;
    const isUsual = this.#closed.size === 0 && failures.size + parked.length + refused.length === 0 &&
      going.every(isFresh) && outcome.gone.every(isFresh);
    if (isUsual) return { version, closed: [], opened: [], parked: [], unparked: [] };
    const { tiersMs, attemptsMax } = this.#options.settings;
    const dueAtMs = ({ attempt }: Work) => nowMs + (nextTierMs(attempt, tiersMs, attemptsMax) ?? 0);
    return { version, ...laneChanges(outcome, this.#closed, { laneOf: this.#laneOf, dueAtMs }) };
  }

  /** Takes note of what was committed. */
  committed({ lanes, deadLetters }: Pick<TurnWrites, "lanes" | "deadLetters">): void {
    const isChanged = lanes !== undefined && changesLanes(lanes);
    // A dead letter of a head changes its lane, too.
    if (!isChanged && (deadLetters.length === 0 || this.#closed.size === 0)) return;
    this.forget();
    if (isChanged) this.#options.onClosed?.();
  }

  readonly #laneOf = (work: Work): string | undefined => work.parkedIn ?? this.#options.planner.laneOf(work);
}

/** Whether a work comes from no lane. */
function isFresh({ parkedIn }: Work): boolean {
  return parkedIn === undefined;
}
