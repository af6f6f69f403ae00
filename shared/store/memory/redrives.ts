import type { CommitResult, StoredDeadLetter, TurnWrites } from "../store.ts";
import {
  type DeadLetterQuery,
  type LetterFate,
  type RedriveEntry,
  type RedriveItemChange,
  type RedriveItemEntry,
  type RedriveItemState,
  redriveItemStates,
  type RedriveStep,
  type StoredRedrive,
  type StoredRedriveItem,
} from "../redrive.ts";
import { cleanText, compareText } from "../writes.ts";
import { commitTurn } from "./commit_turn.ts";
import { frozenJson } from "./frozen_json.ts";
import { keyOf, type RedriveRow, type Tables } from "./tables.ts";

/** Lists dead letters, the newest first unless asked otherwise. */
export function listDeadLetters(tables: Tables, query: DeadLetterQuery): readonly StoredDeadLetter[] {
  const direction = query.isOldestFirst === true ? -1 : 1;
  const { after } = query;
  return [...tables.deadLetters.values()]
    .filter((letter) => isWanted(letter, query))
    .filter((letter) => after === undefined || direction * compareText(letter.id, after) < 0)
    .sort((left, right) => direction * compareText(right.id, left.id))
    .slice(0, query.limit);
}

function isWanted(letter: StoredDeadLetter, query: DeadLetterQuery): boolean {
  const { sinceMs = -Infinity, untilMs = Infinity } = query;
  const isSame = (["status", "class", "type", "reason", "correlation"] as const)
    .every((field) => query[field] === undefined || cleanText(query[field]) === letter[field]);
  return isSame && letter.diedAtMs >= sinceMs && letter.diedAtMs < untilMs;
}

/** Looks for the messages of letters in the inbox, and for letters that died after them. */
export function findFates(tables: Tables, consumer: string, letterIds: readonly string[]): readonly LetterFate[] {
  return letterIds.flatMap((id) => {
    const letter = tables.deadLetters.get(id);
    if (letter === undefined) return [];
    const later = [...tables.deadLetters.values()]
      .filter((other) => other.messageId === letter.messageId && other.digest === letter.digest)
      .filter((other) => compareDeaths(other, letter) > 0)
      .sort((left, right) => compareDeaths(right, left))[0];
    return [{
      letterId: id,
      isHandled: tables.inbox.has(keyOf(letter.messageId, consumer)),
      later: later === undefined ? null : { id: later.id, class: later.class, reason: later.reason },
    }];
  });
}

function compareDeaths(left: StoredDeadLetter, right: StoredDeadLetter): number {
  return left.diedAtMs - right.diedAtMs || compareText(left.id, right.id);
}

/** Commits a redrive with its letters. */
export function startRedrive(
  tables: Tables,
  { entry, items, writes }: {
    readonly entry: RedriveEntry;
    readonly items: readonly RedriveItemEntry[];
    readonly writes: TurnWrites;
  },
  nowMs: number,
): CommitResult {
  const result = commitTurn(tables, writes, { nowMs });
  if (result.outcome === "conflict") return result;
  tables.redrives.set(
    entry.id,
    frozenJson({
      ...entry,
      status: "running" as const,
      statusReason: "",
      revision: 1,
      createdAtMs: nowMs,
      endedAtMs: null,
      nextAtMs: nowMs,
      leasedUntilMs: 0,
    }),
  );
  tables.redriveItems.set(entry.id, items.map((item, at) => frozenJson(itemFrom(item, at + 1))));
  return result;
}

function itemFrom(item: RedriveItemEntry, ordinal: number): StoredRedriveItem {
  return {
    ...item,
    messageId: cleanText(item.messageId),
    type: cleanText(item.type),
    correlation: cleanText(item.correlation),
    detail: cleanText(item.detail),
    ordinal,
    batch: null,
    takenAtMs: null,
    endedAtMs: null,
    laterId: null,
  };
}

/** Claims the redrive that has waited longest. */
export function claimRedrive(tables: Tables, leaseMs: number, nowMs: number): StoredRedrive | undefined {
  const due = [...tables.redrives.values()]
    .filter(({ nextAtMs, leasedUntilMs }) => nextAtMs !== null && nextAtMs <= nowMs && leasedUntilMs <= nowMs)
    .sort((left, right) => left.nextAtMs! - right.nextAtMs! || compareText(left.id, right.id))[0];
  if (due === undefined) return undefined;
  const claimed = Object.freeze({ ...due, revision: due.revision + 1, leasedUntilMs: nowMs + leaseMs });
  tables.redrives.set(due.id, claimed);
  return redriveFrom(tables, claimed);
}

/** Commits one step of a redrive. */
export function advanceRedrive(tables: Tables, step: RedriveStep, { writes, nowMs }: StepCommit): CommitResult {
  const row = tables.redrives.get(step.id);
  if (row?.revision !== step.revision) return { outcome: "conflict", duplicates: [], stale: [step.id] };
  const settlements = step.letterIds.map((id) => ({ id, status: "redriven" as const }));
  const result = commitTurn(tables, writes, { nowMs, settlements });
  if (result.outcome === "conflict") return result;
  const { status, statusReason, progress, nextInMs } = step;
  const isOver = status === "done" || status === "cancelled";
  tables.redrives.set(
    step.id,
    frozenJson({
      ...row,
      status,
      statusReason,
      progress,
      revision: row.revision + 1,
      endedAtMs: isOver ? row.endedAtMs ?? nowMs : null,
      nextAtMs: nextInMs === null ? null : nowMs + nextInMs,
      leasedUntilMs: 0,
    }),
  );
  const changes = new Map(step.items.map((change) => [change.ordinal, change]));
  const items = tables.redriveItems.get(step.id) ?? [];
  tables.redriveItems.set(step.id, items.map((item) => changed(item, changes.get(item.ordinal), nowMs)));
  return result;
}

interface StepCommit {
  readonly writes: TurnWrites;
  readonly nowMs: number;
}

function changed(item: StoredRedriveItem, change: RedriveItemChange | undefined, nowMs: number): StoredRedriveItem {
  if (change === undefined) return item;
  const { state, why, detail, batch = item.batch, laterId = item.laterId } = change;
  const isTaken = state === "taken";
  return frozenJson({
    ...item,
    state,
    why,
    detail: cleanText(detail),
    batch,
    laterId,
    takenAtMs: isTaken ? nowMs : item.takenAtMs,
    endedAtMs: isTaken ? null : nowMs,
  });
}

/** Finds one redrive. */
export function findRedrive(tables: Tables, id: string): StoredRedrive | undefined {
  const row = tables.redrives.get(id);
  return row === undefined ? undefined : redriveFrom(tables, row);
}

/** Lists redrives, the newest first. */
export function listRedrives(
  tables: Tables,
  { limit, after }: { readonly limit: number; readonly after?: string },
): readonly StoredRedrive[] {
  return [...tables.redrives.values()]
    .filter(({ id }) => after === undefined || compareText(id, after) < 0)
    .sort((left, right) => compareText(right.id, left.id))
    .slice(0, limit)
    .map((row) => redriveFrom(tables, row));
}

/** Lists letters of a redrive in their order. */
export function listRedriveItems(
  tables: Tables,
  { id, states, after = 0, limit }: {
    readonly id: string;
    readonly states?: readonly RedriveItemState[];
    readonly after?: number;
    readonly limit: number;
  },
): readonly StoredRedriveItem[] {
  return (tables.redriveItems.get(id) ?? [])
    .filter(({ ordinal, state }) => ordinal > after && (states?.includes(state) ?? true))
    .slice(0, limit);
}

function redriveFrom(tables: Tables, row: RedriveRow): StoredRedrive {
  const { nextAtMs: _nextAtMs, leasedUntilMs: _leasedUntilMs, ...redrive } = row;
  const items = tables.redriveItems.get(row.id) ?? [];
  const counts = redriveItemStates.map((state) => [state, items.filter((item) => item.state === state).length]);
  return { ...redrive, counts: Object.fromEntries(counts) as StoredRedrive["counts"] };
}
