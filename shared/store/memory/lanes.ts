import { changesLanes, type LaneTable, type ParkedMessage, type StoredLane } from "../lane.ts";
import type { StoredDeadLetter, TurnWrites } from "../store.ts";
import { frozenJson } from "./frozen_json.ts";
import { keyOf, type LaneRow, type Tables } from "./tables.ts";

/** Writes what a turn changes about lanes; a dead letter makes the lane dead whose head it is, whoever wrote it. */
export function writeLanes(tables: Tables, { lanes, deadLetters }: TurnWrites, nowMs: number): void {
  let isChanged = lanes !== undefined && changesLanes(lanes);
  for (const head of lanes?.closed ?? []) {
    const closedAtMs = tables.lanes.get(head.lane)?.closedAtMs ?? nowMs;
    tables.lanes.set(head.lane, frozenJson({ head, state: "retry", closedAtMs }));
  }
  for (const { messageId, digest } of lanes?.unparked ?? []) tables.parked.delete(keyOf(messageId, digest));
  for (const parked of lanes?.parked ?? []) {
    const key = keyOf(parked.messageId, parked.digest);
    if (!tables.parked.has(key)) tables.parked.set(key, frozenJson(parked));
  }
  for (const lane of lanes?.opened ?? []) open(tables, lane);
  for (const { id, messageId, class: className } of deadLetters) {
    if (className === "untrusted") continue;
    for (const [lane, row] of lanesOf(tables, messageId)) {
      tables.lanes.set(lane, Object.freeze({ ...row, state: "dead", deadLetterId: id }));
      isChanged = true;
    }
  }
  if (isChanged) moveOn(tables);
}

/** What becomes of a dead head decides its lane: it is tried again, or the lane goes on without it. */
export function settleLanes(
  tables: Tables,
  settlements: readonly { readonly id: string; readonly status: StoredDeadLetter["status"] }[],
  nowMs: number,
): void {
  let isChanged = false;
  for (const { id, status } of settlements) {
    for (const [lane, row] of lanesOf(tables, tables.deadLetters.get(id)!.messageId)) {
      const { deadLetterId: _settled, ...rest } = row;
      const head = { ...row.head, dueAtMs: nowMs };
      if (status === "redriven") tables.lanes.set(lane, Object.freeze({ ...rest, head, state: "retry" }));
      else open(tables, lane);
      isChanged = true;
    }
  }
  if (isChanged) moveOn(tables);
}

/** All lanes that are not open, the one that was closed first first. */
export function readLanes(tables: Tables): LaneTable {
  const lanes = [...tables.lanes].map((
    [lane, { head: { lane: _lane, reason, dueAtMs, ...head }, ...row }],
  ): StoredLane => ({
    lane,
    head,
    reason,
    dueAtMs,
    ...row,
    parkedCount: parkedIn(tables, lane).length,
  }));
  return { version: tables.laneVersion, lanes: lanes.sort((left, right) => left.closedAtMs - right.closedAtMs) };
}

/** What is parked in a lane, in the order in which it came. */
export function parkedIn(tables: Tables, lane: string): readonly ParkedMessage[] {
  return [...tables.parked.values()].filter((parked) => parked.lane === lane);
}

function open(tables: Tables, lane: string): void {
  const row = tables.lanes.get(lane);
  if (row === undefined) return;
  const { deadLetterId: _done, ...rest } = row;
  tables.lanes.set(lane, Object.freeze({ ...rest, state: "releasing" }));
}

function lanesOf(tables: Tables, messageId: string): readonly (readonly [string, LaneRow])[] {
  return [...tables.lanes].filter(([, { head, state }]) => head.messageId === messageId && state !== "releasing");
}

/** A lane with nothing left in it is open. */
function moveOn(tables: Tables): void {
  tables.laneVersion += 1;
  for (const [lane, { state }] of tables.lanes) {
    if (state === "releasing" && parkedIn(tables, lane).length === 0) tables.lanes.delete(lane);
  }
}
