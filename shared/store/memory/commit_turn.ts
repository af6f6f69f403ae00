import { invariant } from "@mesh/base";
import type { CommitResult, OutboxEntry, StoredDeadLetter, TurnWrites } from "../store.ts";
import { answersIn, checkWrites, cleanDeadLetter, compareText } from "../writes.ts";
import { frozenJson } from "./frozen_json.ts";
import { lanesMark } from "../lane.ts";
import { endEffect } from "./effects.ts";
import { settleLanes, writeLanes } from "./lanes.ts";
import { insertOutbox, settleOutbox } from "./outbox.ts";
import { type EventRow, keyOf, type Tables } from "./tables.ts";

/** A change of a dead letter's status. */
export interface Settlement {
  readonly id: string;
  readonly status: StoredDeadLetter["status"];
}

/** Commits a turn: everything is checked before the first change, and nothing waits in between. */
export function commitTurn(
  tables: Tables,
  writes: TurnWrites,
  { nowMs, settlements = [] }: { readonly nowMs: number; readonly settlements?: readonly Settlement[] },
): CommitResult {
  checkWrites(writes);
  const duplicates = findDuplicates(tables, writes);
  const stale = findStale(tables, writes, settlements);
  if (duplicates.length > 0 || stale.length > 0) return { outcome: "conflict", duplicates, stale };
  refuseTakenKeys(tables, writes, settlements);

  tables.xid += 1;
  for (const { messageId, consumer, digest } of writes.inbox) tables.inbox.set(keyOf(messageId, consumer), digest);
  for (const { messageId, consumer, digest } of writes.voided) {
    const key = keyOf(messageId, consumer);
    if (!tables.inbox.has(key)) tables.inbox.set(key, digest);
  }
  writeEvents(tables, writes, nowMs);
  insertOutbox(tables, writes.outbox, nowMs);
  writeAnswers(tables, writes);
  endAnswered(tables, writes.answered);
  const done = writes.confirmed.filter((id) => tables.outbox.get(id)?.entry.kind !== "command");
  settleOutbox(tables, { confirmed: [...done, ...writes.awaiting], failed: [] }, nowMs);
  writeTimers(tables, writes);
  for (const { id } of writes.endedEffects) endEffect(tables, id);
  for (const entry of writes.effects) {
    const row = { entry: frozenJson(entry), createdAtMs: nowMs, nextAtMs: nowMs };
    tables.effects.set(
      entry.id,
      Object.freeze({ ...row, leasedUntilMs: 0, leasedBy: undefined, isAbandoned: false, leaseEpoch: 0, attempt: 0 }),
    );
  }
  for (const letter of writes.deadLetters) {
    tables.deadLetters.set(letter.id, frozenJson({ ...cleanDeadLetter(letter), diedAtMs: nowMs, status: "dead" }));
  }
  writeLanes(tables, writes, nowMs);
  for (const row of writes.rows) {
    const key = keyOf(row.projection, row.generation, row.key);
    tables.rows.set(key, frozenJson({ ...row, revision: row.revision + 1 }));
  }
  for (const { id, status } of settlements) {
    tables.deadLetters.set(id, Object.freeze({ ...tables.deadLetters.get(id)!, status }));
  }
  settleLanes(tables, settlements, nowMs);
  return { outcome: "committed", nowMs };
}

type Conflict = Extract<CommitResult, { readonly outcome: "conflict" }>;

function findDuplicates(tables: Tables, writes: TurnWrites): Conflict["duplicates"] {
  return [...writes.inbox]
    .sort((left, right) => compareText(`${left.messageId} ${left.consumer}`, `${right.messageId} ${right.consumer}`))
    .flatMap(({ messageId, consumer, digest }) => {
      const known = tables.inbox.get(keyOf(messageId, consumer));
      if (known === undefined) return [];
      return [{ messageId, consumer, isSameDigest: known === "" || digest === "" || known === digest }];
    });
}

function findStale(tables: Tables, writes: TurnWrites, settlements: readonly Settlement[]): readonly string[] {
  const streams = writes.expected.filter(({ stream, version }) => headOf(tables, stream) !== version);
  const rows = writes.rows.filter((row) =>
    (tables.rows.get(keyOf(row.projection, row.generation, row.key))?.revision ?? 0) !== row.revision
  );
  const lost = writes.endedEffects.filter(({ id, leaseEpoch }) => tables.effects.get(id)?.leaseEpoch !== leaseEpoch);
  const settled = settlements.filter(({ id }) => tables.deadLetters.get(id)?.status !== "dead");
  return [
    ...streams.map(({ stream }) => stream),
    ...rows.map((row) => `${row.projection}:${row.key}`),
    ...settled.map(({ id }) => id),
    ...lost.map(({ id }) => id),
    ...(writes.lanes === undefined || writes.lanes.version === tables.laneVersion ? [] : [lanesMark]),
  ].sort(compareText);
}

/** Keys that a correct caller cannot have taken before: the database would refuse them, too. */
function refuseTakenKeys(tables: Tables, writes: TurnWrites, settlements: readonly Settlement[]): void {
  const taken = [
    ...writes.events.filter(({ id }) => tables.eventsById.has(id)),
    ...writes.outbox.filter(({ id }) => tables.outbox.has(id)),
    ...writes.effects.filter(({ id }) => tables.effects.has(id)),
    ...writes.deadLetters.filter(({ id }) => tables.deadLetters.has(id)),
  ];
  invariant(taken.length === 0, `Cannot commit a turn: "${taken[0]?.id}" is taken`);
  for (const { id, status } of settlements) {
    const isForbidden = status === "redriven" && tables.deadLetters.get(id)?.class === "untrusted";
    invariant(!isForbidden, `Cannot redrive "${id}": its sender is not who they said`);
  }
}

function writeEvents(tables: Tables, writes: TurnWrites, nowMs: number): void {
  for (const event of writes.events) {
    tables.position += 1;
    const { epoch, xid, position } = tables;
    const row: EventRow = frozenJson({ ...event, epoch, xid, position, recordedAtMs: nowMs });
    tables.events.push(row);
    tables.eventsById.set(event.id, row);
    const stream = tables.streams.get(event.stream);
    if (stream === undefined) tables.streams.set(event.stream, [row]);
    else stream.push(row);
  }
  for (const { stream, stateVersion, version, state } of writes.snapshots) {
    const key = keyOf(stream, stateVersion);
    const old = tables.snapshots.get(key);
    if (old === undefined || old.version < version) tables.snapshots.set(key, frozenJson({ version, state }));
  }
}

function writeAnswers(tables: Tables, writes: TurnWrites): void {
  for (const { commandId, outboxId } of answersIn(writes)) {
    const entry: OutboxEntry = tables.outbox.get(outboxId)!.entry;
    const answers = tables.answers.get(commandId) ?? [];
    tables.answers.set(commandId, [...answers, Object.freeze({ entry, requeuedAtMs: -Infinity })]);
  }
}

function endAnswered(tables: Tables, answered: readonly string[]): void {
  if (answered.length === 0) return;
  const commands = new Set(answered);
  for (const [id, { entry }] of tables.outbox) {
    if (entry.kind === "command" && commands.has(entry.messageId)) tables.outbox.delete(id);
  }
}

function writeTimers(tables: Tables, writes: TurnWrites): void {
  for (const { stream, dueAtMs } of writes.timers) {
    if (dueAtMs === null) tables.timers.delete(stream);
    else if (tables.timers.get(stream)?.dueAtMs !== dueAtMs) {
      tables.timers.set(stream, Object.freeze({ dueAtMs, firedAtMs: null }));
    }
  }
}

/** @returns Version of a stream; 0 without events. */
export function headOf(tables: Tables, stream: string): number {
  return tables.streams.get(stream)?.length ?? 0;
}
