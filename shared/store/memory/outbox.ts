import type { StoredTimer, TimerQuery, UnansweredCommand } from "../open_work.ts";
import type { DueTimer, OutboxEntry } from "../store.ts";
import { compareText } from "../writes.ts";
import { frozenJson } from "./frozen_json.ts";
import type { AnswerRow, OutboxRow, Tables } from "./tables.ts";

const commandLimitMs = 30 * 86_400_000;

/** Adds rows at the end. */
export function insertOutbox(tables: Tables, entries: readonly OutboxEntry[], nowMs: number): void {
  for (const entry of entries) {
    const row = { entry: frozenJson({ ...entry, sentCount: 0 }), createdAtMs: nowMs, nextAtMs: nowMs };
    tables.outbox.set(entry.id, Object.freeze({ ...row, claimedUntilMs: 0, failedCount: 0 }));
  }
}

/** Claims rows that are due: see `mesh.claim_outbox`. */
export function claimOutbox(
  tables: Tables,
  options: { readonly limit: number; readonly olderThanMs: number; readonly leaseMs: number },
  nowMs: number,
): readonly OutboxEntry[] {
  const claimed: OutboxEntry[] = [];
  const held = new Set<string>();
  for (const [id, row] of tables.outbox) {
    if (claimed.length === options.limit) break;
    if (row.entry.kind === "command" && row.createdAtMs < nowMs - commandLimitMs) continue;
    const isDue = row.nextAtMs <= nowMs && row.createdAtMs <= nowMs - options.olderThanMs &&
      row.claimedUntilMs <= nowMs && !held.has(row.entry.orderKey);
    // Judged by how the row stood before this claim, so that a claim takes what belongs together in one go.
    if (row.failedCount > 0 || row.claimedUntilMs > nowMs) held.add(row.entry.orderKey);
    if (!isDue) continue;
    tables.outbox.set(id, Object.freeze({ ...row, claimedUntilMs: nowMs + options.leaseMs }));
    claimed.push(row.entry);
  }
  return claimed;
}

/** Notes confirms and failures: see `mesh.settle_outbox`. */
export function settleOutbox(
  tables: Tables,
  settled: { readonly confirmed: readonly string[]; readonly failed: readonly string[] },
  nowMs: number,
): void {
  for (const id of settled.confirmed) {
    const row = tables.outbox.get(id);
    if (row?.entry.kind === "command") tables.outbox.set(id, confirmedCommand(row, nowMs));
    else tables.outbox.delete(id);
  }
  for (const id of settled.failed) {
    const row = tables.outbox.get(id);
    if (row === undefined || (row.claimedUntilMs === 0 && row.entry.sentCount > 0)) continue;
    const nextAtMs = nowMs + Math.min(1_000 * 2 ** row.failedCount, 60_000);
    tables.outbox.set(id, Object.freeze({ ...row, nextAtMs, failedCount: row.failedCount + 1, claimedUntilMs: 0 }));
  }
}

function confirmedCommand(row: OutboxRow, nowMs: number): OutboxRow {
  const { sentCount } = row.entry;
  return Object.freeze({
    ...row,
    entry: Object.freeze({ ...row.entry, sentCount: sentCount + 1 }),
    nextAtMs: nowMs + Math.min(30_000 * 2 ** sentCount, 600_000),
    failedCount: 0,
    claimedUntilMs: 0,
  });
}

/** Makes rows due now, claimed or not. */
export function redriveOutbox(tables: Tables, nowMs: number, orderKey?: string): number {
  const chosen = [...tables.outbox].filter(([, { entry }]) => orderKey === undefined || entry.orderKey === orderKey);
  for (const [id, row] of chosen) {
    tables.outbox.set(id, Object.freeze({ ...row, nextAtMs: Math.min(row.nextAtMs, nowMs), claimedUntilMs: 0 }));
  }
  return chosen.length;
}

/** Lists what a stream has asked and nobody has answered, the oldest first. */
export function listUnanswered(tables: Tables, stream: string, limit: number): readonly UnansweredCommand[] {
  return [...tables.outbox.values()]
    .filter(({ entry }) => entry.kind === "command" && entry.orderKey === stream)
    .slice(0, limit)
    .map(({ entry: { messageId, type, sentCount }, createdAtMs, nextAtMs }) => ({
      messageId,
      type,
      createdAtMs,
      sentCount,
      nextAtMs,
    }));
}

/** Queues the stored answers to commands again, at most once in 5 s. */
export function requeueAnswers(
  tables: Tables,
  { commandIds, newId }: { readonly commandIds: readonly string[]; readonly newId: () => string },
  nowMs: number,
): readonly OutboxEntry[] {
  const found = new Map<string, AnswerRow>();
  for (const commandId of new Set(commandIds)) {
    const answers = tables.answers.get(commandId) ?? [];
    for (const answer of answers) {
      if (answer.requeuedAtMs <= nowMs - 5_000) found.set(answer.entry.messageId, answer);
    }
    const noted = answers.map((answer) =>
      answer.requeuedAtMs <= nowMs - 5_000 ? Object.freeze({ ...answer, requeuedAtMs: nowMs }) : answer
    );
    if (noted.length > 0) tables.answers.set(commandId, noted);
  }
  const entries = [...found.values()]
    .sort((left, right) => positionOf(tables, left) - positionOf(tables, right))
    .map(({ entry }) => frozenJson({ ...entry, id: newId(), sentCount: 0 }));
  insertOutbox(tables, entries, nowMs);
  return entries;
}

function positionOf(tables: Tables, { entry }: AnswerRow): number {
  return tables.eventsById.get(entry.messageId)?.position ?? 0;
}

/** Reads timers that are due and unfired, the longest overdue first. */
export function readDueTimers(tables: Tables, limit: number, nowMs: number): readonly DueTimer[] {
  return [...tables.timers]
    .filter(([, { dueAtMs, firedAtMs }]) => firedAtMs === null && dueAtMs <= nowMs)
    .map(([stream, { dueAtMs }]) => ({ stream, dueAtMs }))
    .sort(compareTimers)
    .slice(0, limit);
}

/** Lists timers for operators, the next one first. */
export function listTimers(tables: Tables, query: TimerQuery): readonly StoredTimer[] {
  const { prefix, stream, dueBeforeMs = Infinity, after, limit } = query;
  return [...tables.timers]
    .map(([name, { dueAtMs, firedAtMs }]) => ({ stream: name, dueAtMs, firedAtMs }))
    .filter((timer) => timer.stream.startsWith(prefix) && (stream === undefined || timer.stream === stream))
    .filter((timer) => timer.dueAtMs < dueBeforeMs && (after === undefined || compareTimers(timer, after) > 0))
    .sort(compareTimers)
    .slice(0, limit);
}

function compareTimers(left: DueTimer, right: DueTimer): number {
  return left.dueAtMs - right.dueAtMs || compareText(left.stream, right.stream);
}

/** Marks timers as fired and queues their commands. */
export function fireTimers(
  tables: Tables,
  firings: readonly { readonly timer: DueTimer; readonly entry: OutboxEntry }[],
  nowMs: number,
): readonly OutboxEntry[] {
  const entries = firings.flatMap(({ timer, entry }) => {
    const current = tables.timers.get(timer.stream);
    if (current === undefined || current.firedAtMs !== null || current.dueAtMs !== timer.dueAtMs) return [];
    tables.timers.set(timer.stream, Object.freeze({ ...current, firedAtMs: nowMs }));
    return [frozenJson(entry)];
  });
  insertOutbox(tables, entries, nowMs);
  return entries;
}
