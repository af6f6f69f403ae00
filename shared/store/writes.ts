import { DefectError } from "@mesh/base";
import type { LaneWrites } from "./lane.ts";
import type { DeadLetterEntry, TurnWrites } from "./store.ts";

/**
 * Refuses writes that contradict themselves, before anything is sent.
 *
 * Such writes can only come from a bug; letting them through would look like a conflict with somebody else, and the
 * caller would drop a message as a duplicate of itself.
 *
 * @throws {DefectError} If a message, stream, row, or outbox id is named twice, events do not follow `expected`, an
 * id of a message or of a stored row is no UUID, or an envelope has a line break.
 */
export function checkWrites(writes: TurnWrites): void {
  refuseRepeats("message", writes.inbox, (entry) => `${entry.messageId} of ${entry.consumer}`);
  refuseRepeats("stream", writes.expected, (entry) => entry.stream);
  refuseRepeats("row", writes.rows, (row) => `${row.projection}/${row.generation}/${row.key}`);
  refuseRepeats("outbox row", writes.outbox, idOf);
  refuseRepeats("timer", writes.timers, (timer) => timer.stream);
  refuseRepeats("effect", writes.effects, idOf);
  refuseRepeats("ended effect", writes.endedEffects, idOf);
  refuseRepeats("event", writes.events, idOf);
  refuseRepeats("dead letter", writes.deadLetters, idOf);
  refuseRepeats("snapshot", writes.snapshots, (snapshot) => `${snapshot.stream} ${snapshot.stateVersion}`);
  if (writes.lanes !== undefined) checkLanes(writes.lanes);
  checkIds(writes);
  for (const row of writes.outbox) checkEnvelope(row);
  for (const row of writes.events) checkEnvelope(row);
  checkVersions(writes);
}

/** Turns are small: most lists name nothing or one thing or two, and then nothing is put together to compare it. */
function refuseRepeats<Row>(what: string, rows: readonly Row[], nameOf: (row: Row) => string): void {
  if (rows.length < 2) return;
  if (rows.length === 2 && nameOf(rows[0]!) !== nameOf(rows[1]!)) return;
  const seen = new Set<string>();
  for (const row of rows) {
    const name = nameOf(row);
    if (seen.has(name)) throw new DefectError(`Cannot commit ${what} ${name}: it is named twice`);
    seen.add(name);
  }
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

function checkIds(writes: TurnWrites): void {
  for (const { messageId } of writes.inbox) checkId(messageId);
  for (const { messageId } of writes.voided) checkId(messageId);
  for (const { id, re } of writes.events) {
    checkId(id);
    for (const commandId of re) checkId(commandId);
  }
  for (const { id, messageId } of writes.outbox) {
    checkId(id);
    checkId(messageId);
  }
  for (const id of writes.answered) checkId(id);
  for (const id of writes.confirmed) checkId(id);
  for (const id of writes.awaiting) checkId(id);
  for (const { id } of writes.deadLetters) checkId(id);
}

function checkLanes({ closed, parked }: LaneWrites): void {
  refuseRepeats("head of lane", closed, ({ lane }) => lane);
  refuseRepeats("parked message", parked, ({ messageId, digest }) => `${messageId} ${digest}`);
  for (const { messageId } of closed) checkId(messageId);
  for (const { messageId } of parked) checkId(messageId);
}

function checkId(id: string): void {
  if (!isUuid(id)) throw new DefectError(`Cannot commit "${id}": it is no UUID in lower case`);
}

function checkEnvelope({ id, envelope }: { readonly id: string; readonly envelope: string }): void {
  if (envelope.includes("\n")) throw new DefectError(`Cannot commit "${id}": its envelope has more than one line`);
}

function checkVersions(writes: TurnWrites): void {
  if (writes.events.length === 0) return;
  const versions = new Map<string, number>();
  for (const { stream, version } of writes.expected) versions.set(stream, version);
  for (const { stream, version } of writes.events) {
    const previous = versions.get(stream);
    if (previous === undefined) {
      throw new DefectError(`Cannot commit event ${version} of "${stream}": the stream is not expected`);
    }
    if (version !== previous + 1) {
      throw new DefectError(`Cannot commit event ${version} of "${stream}": the one before it is ${previous}`);
    }
    versions.set(stream, version);
  }
}

/** @returns Which commands are answered by which outbox row: every `re` of an event that this turn publishes. */
export function answersIn(writes: TurnWrites): readonly { readonly commandId: string; readonly outboxId: string }[] {
  if (writes.events.every(({ re }) => re.length === 0)) return [];
  const rowIds = new Map(
    writes.outbox.filter(({ kind }) => kind === "event").map(({ messageId, id }) => [messageId, id]),
  );
  return writes.events.flatMap((event) => {
    const outboxId = rowIds.get(event.id);
    return outboxId === undefined ? [] : event.re.map((commandId) => ({ commandId, outboxId }));
  });
}

/**
 * Takes what a database cannot store out of a dead letter.
 *
 * Its texts come from messages that nobody has verified; a NUL in one of them must not keep it from being put away.
 */
export function cleanDeadLetter(letter: DeadLetterEntry): DeadLetterEntry {
  return {
    ...letter,
    messageId: cleanText(letter.messageId),
    type: cleanText(letter.type),
    reason: cleanText(letter.reason),
    detail: cleanText(letter.detail),
    queue: cleanText(letter.queue),
    userId: cleanText(letter.userId),
    correlation: cleanText(letter.correlation),
  };
}

/** Takes what a database cannot store out of a text. */
export function cleanText(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}

/** Orders by code point, as the database's collation "C" does; JavaScript's own order differs beyond U+FFFF. */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return fixSurrogate(a) - fixSurrogate(b);
  }
  return left.length - right.length;
}

/** Surrogates stand for the highest code points but have lower numbers than U+E000 to U+FFFF. */
function fixSurrogate(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Says whether text is a UUID as ids are written here. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
