import type { HeldMessage, LaneTable, LaneWrites, StoredLane } from "@mesh/store";
import { dispositionOf } from "./disposition.ts";
import type { Refusal } from "./intake.ts";
import type { Work } from "./work.ts";

/** Lanes that are not open, by name. */
export type ClosedLanes = ReadonlyMap<string, StoredLane>;

/** @returns What is known of lanes, for looking one up. */
export function closedLanes({ lanes }: LaneTable): ClosedLanes {
  return new Map(lanes.map((found) => [found.lane, found]));
}

/** A batch by what its lanes allow. */
export interface Sorted {
  /** May be decided now, in this order. */
  readonly going: readonly Work[];
  /** Come after a message of their lane that waits for its next attempt or lies dead: they wait behind it. */
  readonly parked: readonly Work[];
}

/**
 * Sorts out which works of a batch may be decided.
 *
 * @param works In their order.
 * @param closed Lanes that are not open.
 * @param failed Those of the works that cannot be decided: they close their lanes for what follows.
 * @param laneOf The lane of a work; `undefined` for one that no order holds up.
 */
export function sortByLane(
  works: readonly Work[],
  closed: ClosedLanes,
  { failed, laneOf }: { readonly failed: { has(work: Work): boolean }; readonly laneOf: LaneOf },
): Sorted {
  const going: Work[] = [];
  const parked: Work[] = [];
  const failedLanes = new Set<string>();
  for (const work of works) {
    const lane = laneOf(work);
    if (lane === undefined) going.push(work);
    else if (failedLanes.has(lane) || isHeldUp(work, closed.get(lane))) parked.push(work);
    else {
      going.push(work);
      if (failed.has(work)) failedLanes.add(lane);
    }
  }
  return { going, parked };
}

/** The lane of a work; `undefined` for one that no order holds up. */
export type LaneOf = (work: Work) => string | undefined;

function isHeldUp(work: Work, lane: StoredLane | undefined): boolean {
  if (work.parkedIn !== undefined) return lane?.state !== "releasing";
  return lane !== undefined && (lane.state === "releasing" || !isHead(work, lane));
}

/** @returns Whether a lane waits for just this message; another one with its id is none of it. */
export function isHead({ received, digest }: Work, { head }: StoredLane): boolean {
  return received.id === head.messageId && digest === head.digest;
}

/** What became of a batch. */
export interface LaneOutcome extends Sorted {
  readonly failures: ReadonlyMap<Work, unknown>;
  /** Works that somebody had handled already when they were to be committed. */
  readonly gone: readonly Work[];
  /** Messages that lanes held and that cannot be proven any more. */
  readonly refused: readonly Pick<Refusal, "parked" | "headOf">[];
  /** Messages that an undo of this batch made void. */
  readonly voided: readonly { readonly messageId: string }[];
}

/**
 * Says what a batch changes about lanes.
 *
 * @param dueAtMs When a work that failed is due for its next attempt.
 */
export function laneChanges(
  { going, parked, failures, gone, refused, voided }: LaneOutcome,
  closed: ClosedLanes,
  { laneOf, dueAtMs }: { readonly laneOf: LaneOf; readonly dueAtMs: (work: Work) => number },
): Omit<LaneWrites, "version"> {
  const failed = going.flatMap((work) => {
    const lane = failures.has(work) ? laneOf(work) : undefined;
    return lane === undefined ? [] : [{ work, lane }];
  });
  const done = [...going.filter((work) => !failures.has(work)), ...gone];
  return {
    closed: failed.map(({ work, lane }) => {
      const { reason } = dispositionOf(failures.get(work));
      return { ...heldMessage(work), lane, reason, dueAtMs: dueAtMs(work) };
    }),
    opened: [
      ...[...closed.values()].filter((lane) => isEnded(lane, { done, voided })).map(({ lane }) => lane),
      ...refused.flatMap(({ headOf }) => headOf ?? []),
    ],
    parked: parked.flatMap((work) => {
      const lane = work.parkedIn === undefined ? laneOf(work) : undefined;
      return lane === undefined ? [] : [{ ...heldMessage(work), lane }];
    }),
    unparked: [
      ...[...done, ...failed.map(({ work }) => work)].flatMap(({ parkedIn, received, digest }) =>
        parkedIn === undefined ? [] : [{ lane: parkedIn, messageId: received.id, digest }]
      ),
      ...refused.flatMap(({ parked }) => parked ?? []),
    ],
  };
}

/** Whether a lane need not wait for its head any more. */
function isEnded(
  lane: StoredLane,
  { done, voided }: { readonly done: readonly Work[]; readonly voided: LaneOutcome["voided"] },
): boolean {
  if (lane.state === "releasing") return false;
  return done.some((work) => work.parkedIn === undefined && isHead(work, lane)) ||
    voided.some(({ messageId }) => messageId === lane.head.messageId);
}

/** @returns What a work is taken up again from. */
function heldMessage(work: Work): HeldMessage {
  const { received, digest, returnTo, attempt, userId, headers, token } = work;
  return {
    messageId: received.id,
    digest,
    type: received.type,
    correlation: received.correlation,
    queue: returnTo,
    attempt,
    userId,
    headers,
    envelope: token,
  };
}
