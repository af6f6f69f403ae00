import { invariant } from "@mesh/base";
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
  refuseRepeats("message", writes.inbox.map((entry) => `${entry.messageId} of ${entry.consumer}`));
  refuseRepeats("stream", writes.expected.map((entry) => entry.stream));
  refuseRepeats("row", writes.rows.map((row) => `${row.projection}/${row.generation}/${row.key}`));
  refuseRepeats("outbox row", writes.outbox.map((entry) => entry.id));
  refuseRepeats("timer", writes.timers.map((timer) => timer.stream));
  refuseRepeats("effect", writes.effects.map((effect) => effect.id));
  refuseRepeats("ended effect", writes.endedEffects.map((effect) => effect.id));
  refuseRepeats("event", writes.events.map((event) => event.id));
  refuseRepeats("dead letter", writes.deadLetters.map((letter) => letter.id));
  refuseRepeats("snapshot", writes.snapshots.map((snapshot) => `${snapshot.stream} ${snapshot.stateVersion}`));
  for (const id of idsIn(writes)) invariant(isUuid(id), `Cannot commit "${id}": it is no UUID in lower case`);
  for (const { id, envelope } of [...writes.outbox, ...writes.events]) {
    invariant(!envelope.includes("\n"), `Cannot commit "${id}": its envelope has more than one line`);
  }
  const versions = new Map(writes.expected.map(({ stream, version }) => [stream, version]));
  for (const { stream, version } of writes.events) {
    const previous = versions.get(stream);
    invariant(previous !== undefined, `Cannot commit event ${version} of "${stream}": the stream is not expected`);
    invariant(
      version === previous + 1,
      `Cannot commit event ${version} of "${stream}": the one before it is ${previous}`,
    );
    versions.set(stream, version);
  }
}

/** @returns Which commands are answered by which outbox row: every `re` of an event that this turn publishes. */
export function answersIn(writes: TurnWrites): readonly { readonly commandId: string; readonly outboxId: string }[] {
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

function* idsIn(writes: TurnWrites): Generator<string> {
  for (const entry of writes.inbox) yield entry.messageId;
  for (const entry of writes.voided) yield entry.messageId;
  for (const event of writes.events) yield* [event.id, ...event.re];
  for (const entry of writes.outbox) yield* [entry.id, entry.messageId];
  yield* writes.answered;
  yield* writes.confirmed;
  yield* writes.awaiting;
  for (const letter of writes.deadLetters) yield letter.id;
}

function refuseRepeats(what: string, names: readonly string[]): void {
  if (names.length < 2) return;
  const seen = new Set<string>();
  for (const name of names) {
    invariant(!seen.has(name), `Cannot commit ${what} ${name}: it is named twice`);
    seen.add(name);
  }
}
