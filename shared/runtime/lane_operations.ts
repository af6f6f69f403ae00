import type { Cause } from "@mesh/actor";
import { ConflictError } from "@mesh/base";
import { type DeadLetterEntry, noWrites, type StoredLane } from "@mesh/store";
import { keptBody } from "./intake.ts";
import type { LaneReleaser } from "./lane_releaser.ts";
import type { Lanes } from "./lanes.ts";
import { type OperationsOptions, settle } from "./operations.ts";
import { actOf } from "./operator_log.ts";
import { redriveEntry } from "./redrive_judge.ts";

/** What operators may see and do about lanes that are not open. */
export interface LaneOperations {
  listLanes(): Promise<readonly StoredLane[]>;
  /**
   * Has the head of a lane tried again at once, with its first attempt; what is parked follows it in its order.
   *
   * @returns The lane as it was; `undefined` if there is none that is not open.
   * @throws {ConflictError} If it is being let go already, or its head may not be redriven (any more).
   */
  releaseLane(lane: string, reason: string, by: Cause): Promise<StoredLane | undefined>;
  /**
   * Gives the head of a lane up, as a discarded dead letter; what is parked goes on without it.
   *
   * @returns The lane as it was; `undefined` if there is none that is not open.
   * @throws {ConflictError} If it is being let go already.
   */
  skipLane(lane: string, reason: string, by: Cause): Promise<StoredLane | undefined>;
}

/** What they need. */
export interface LaneOperationsOptions extends OperationsOptions {
  readonly lanes: Pick<Lanes, "forget">;
  readonly releaser: Pick<LaneReleaser, "hint">;
}

/** What operators do about lanes, each act recorded with a signed event in the same transaction. */
export function laneOperations(options: LaneOperationsOptions): LaneOperations {
  const { store, loop } = options;
  return {
    listLanes: async () => (await store.readLanes()).lanes,
    releaseLane: (name, reason, by) =>
      loop.exclusively(() => onLane(options, name, (lane) => release(options, lane, { reason, by }))),
    skipLane: (name, reason, by) =>
      loop.exclusively(() => onLane(options, name, (lane) => skip(options, lane, { reason, by }))),
  };
}

/** After whatever was done to dead letters: a lane may have been let go, or wait again. */
export function lanesTouched({ lanes, releaser }: Pick<LaneOperationsOptions, "lanes" | "releaser">): void {
  lanes.forget();
  releaser.hint();
}

interface Act {
  readonly reason: string;
  readonly by: Cause;
}

async function onLane(
  options: LaneOperationsOptions,
  name: string,
  act: (lane: StoredLane) => Promise<void>,
): Promise<StoredLane | undefined> {
  const lane = (await options.store.readLanes()).lanes.find((found) => found.lane === name);
  if (lane === undefined) return undefined;
  if (lane.state === "releasing") {
    throw new ConflictError(`Cannot act on lane "${name}": what was parked in it is being let go already`);
  }
  try {
    await act(lane);
  } finally {
    lanesTouched(options);
  }
  return lane;
}

async function release(options: LaneOperationsOptions, lane: StoredLane, { reason, by }: Act): Promise<void> {
  const { deadLetterId, head } = lane;
  const action = { name: "lane-released", subjects: [lane.lane, head.messageId] };
  if (deadLetterId !== undefined) {
    return await settle(options, [deadLetterId], { status: "redriven", reason, by, action });
  }
  const { store, systemLog, publisher } = options;
  const act = await actOf(options, { action: action.name, reason, subjects: action.subjects, by });
  const again = redriveEntry(options, { ...head, id: head.messageId, body: bodyOf(head.envelope) });
  const writes = { ...noWrites, ...act.writes, outbox: [again, ...act.writes.outbox] };
  const result = await store.commit(writes);
  if (result.outcome === "conflict") {
    systemLog.forget();
    throw new ConflictError(`Cannot release lane "${lane.lane}": the log moved on; ask again`);
  }
  act.committed();
  publisher.enqueue(writes.outbox);
}

async function skip(options: LaneOperationsOptions, lane: StoredLane, { reason, by }: Act): Promise<void> {
  const { store, ids } = options;
  let { deadLetterId } = lane;
  if (deadLetterId === undefined) {
    // Its next attempt is on its way through the broker; among the dead letters it counts as had when it comes.
    const letter = skippedHead(lane, ids.next());
    await store.commit({ ...noWrites, deadLetters: [letter] });
    deadLetterId = letter.id;
  }
  const action = { name: "lane-skipped", subjects: [lane.lane, lane.head.messageId] };
  await settle(options, [deadLetterId], { status: "discarded", reason, by, action });
}

function skippedHead({ head, reason }: StoredLane, id: string): DeadLetterEntry {
  const { messageId, type, correlation, queue, attempt, userId, headers, envelope } = head;
  return {
    id,
    messageId,
    type,
    class: "exhausted",
    reason,
    detail: "An operator skipped it before its next attempt",
    attempts: attempt,
    queue,
    userId,
    correlation,
    ...keptBody(new TextEncoder().encode(envelope)),
    headers,
  };
}

function bodyOf(envelope: string): string {
  return new TextEncoder().encode(envelope).toBase64();
}
