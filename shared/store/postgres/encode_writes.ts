import type {
  DeadLetterEntry,
  EffectEntry,
  InboxEntry,
  OutboxEntry,
  ProjectionRow,
  StoredDeadLetter,
  TurnWrites,
} from "../store.ts";
import { changesLanes, type LaneWrites } from "../lane.ts";
import { answersIn, cleanDeadLetter, compareText } from "../writes.ts";
import { sqlArray, type SqlValue } from "./sql_array.ts";

/**
 * Parameters of `mesh.commit_turn` by name (without `p_`), as array literals or lines; `notify` and the lanes' as they are. What a turn does not
 * write is not there: each parameter costs both sides something, and a usual turn needs a third of them.
 */
export type CommitArguments = Readonly<Partial<Record<CommitParameter, string>>>;

type CommitParameter =
  | `inbox_${"id" | "consumer" | "digest"}`
  | `voided_${"id" | "consumer" | "digest"}`
  | `expected_${"stream" | "version"}`
  | "held_stream"
  | `event_${EventColumn}`
  | `snapshot_${"stream" | "version" | "state_version" | "state"}`
  | `outbox_${OutboxColumn | "answers"}`
  | "answered"
  | "confirmed"
  | "awaiting"
  | `timer_${"stream" | "due"}`
  | `ended_${"id" | "epoch"}`
  | `effect_${EffectColumn}`
  | `dead_${DeadLetterColumn}`
  | `row_${RowColumn}`
  | `settled_${"id" | "status"}`
  | "lane_version"
  | "lanes"
  | "notify";

type EventColumn =
  | "stream"
  | "version"
  | "id"
  | "type"
  | "schema_version"
  | "correlation"
  | "data"
  | "envelope"
  | "hash";
type OutboxColumn =
  | "id"
  | "kind"
  | "message_id"
  | "type"
  | "exchange"
  | "routing_key"
  | "correlation"
  | "order_key"
  | "is_mandatory"
  | "headers"
  | "envelope";
type EffectColumn =
  | "id"
  | "stream"
  | "name"
  | "dependency"
  | "correlation"
  | "request"
  | "caused_by"
  | "headers"
  | "supersedes";
type DeadLetterColumn =
  | "id"
  | "message_id"
  | "type"
  | "class"
  | "reason"
  | "detail"
  | "attempts"
  | "queue"
  | "user_id"
  | "correlation"
  | "body"
  | "body_bytes"
  | "digest"
  | "headers";
type RowColumn = "projection" | "generation" | "key" | "owner" | "sort" | "revision" | "seen" | "row";

/**
 * Turns writes into the parameters of `mesh.commit_turn`.
 *
 * Whatever takes locks is sorted, so that all commits take them in the same order: events by stream, and those of one
 * stream in the order of the turn, like outbox and effects; that becomes the order of their positions.
 */
export function encodeWrites(
  writes: TurnWrites,
  settlements: readonly { readonly id: string; readonly status: StoredDeadLetter["status"] }[],
): CommitArguments {
  const expected = sorted(writes.expected, ({ stream }) => stream);
  const events = sorted(writes.events, ({ stream }) => stream);
  const eventIds = new Set(events.map(({ id }) => id));
  return {
    ...encodeInbox("inbox", writes.inbox),
    ...encodeInbox("voided", writes.voided),
    ...columns("expected", expected, {
      stream: ({ stream }) => stream,
      version: ({ version }) => version,
    }),
    ...list("held_stream", heldStreams(writes)),
    ...columns("event", events, {
      stream: (event) => event.stream,
      version: (event) => event.version,
      id: (event) => event.id,
      type: (event) => event.type,
      schema_version: (event) => event.schemaVersion,
      correlation: (event) => event.correlation,
      hash: (event) => event.hash,
    }),
    ...lines("event", events, {
      data: (event) => JSON.stringify(event.data),
      envelope: (event) => event.envelope,
    }),
    ...columns("snapshot", sorted(writes.snapshots, ({ stream }) => stream), {
      stream: (snapshot) => snapshot.stream,
      version: (snapshot) => snapshot.version,
      state_version: (snapshot) => snapshot.stateVersion,
      state: (snapshot) => JSON.stringify(snapshot.state),
    }),
    ...encodePublishing(writes, eventIds),
    ...list("answered", [...writes.answered].sort()),
    ...list("confirmed", [...writes.confirmed].sort()),
    ...list("awaiting", [...writes.awaiting].sort()),
    ...columns("timer", sorted(writes.timers, ({ stream }) => stream), {
      stream: ({ stream }) => stream,
      due: ({ dueAtMs }) => dueAtMs,
    }),
    ...columns("ended", sorted(writes.endedEffects, ({ id }) => id), {
      id: ({ id }) => id,
      epoch: ({ leaseEpoch }) => leaseEpoch,
    }),
    ...encodeEffects(writes.effects),
    ...encodeDeadLetters(writes.deadLetters),
    ...encodeRows(writes.rows),
    ...columns("settled", sorted(settlements, ({ id }) => id), { id: ({ id }) => id, status: ({ status }) => status }),
    ...(writes.lanes === undefined ? {} : encodeLanes(writes.lanes)),
    ...(writes.notify === undefined ? {} : { notify: writes.notify }),
  };
}

/**
 * Streams that need a lock besides the key of their next event: those that are asserted and not appended to, and those
 * whose timer follows from the version.
 */
function heldStreams({ expected, events, timers }: TurnWrites): readonly string[] {
  const appended = new Set(events.map(({ stream }) => stream));
  const held = expected.filter(({ stream }) => !appended.has(stream)).map(({ stream }) => stream);
  return [...new Set([...held, ...timers.map(({ stream }) => stream)])].sort(compareText);
}

function encodePublishing(writes: TurnWrites, eventIds: ReadonlySet<string>) {
  if (writes.outbox.length === 0) return {};
  const answers = Map.groupBy(answersIn(writes), ({ outboxId }) => outboxId);
  const answeredBy = ({ id }: OutboxEntry) => answers.get(id)?.map(({ commandId }) => commandId).join(",") ?? null;
  return {
    ...allColumns("outbox", writes.outbox, outboxColumns),
    ...lines("outbox", writes.outbox, {
      headers: (entry) => JSON.stringify(entry.headers),
      envelope: (entry) => envelopeOf(entry, eventIds) ?? "-",
    }),
    ...(answers.size === 0 ? {} : { outbox_answers: sqlArray(writes.outbox.map(answeredBy)) }),
  };
}

/**
 * Turns outbox entries into parameters.
 *
 * @param eventIds Messages whose envelope is stored as an event: their rows refer to it.
 */
export function encodeOutbox(
  entries: readonly OutboxEntry[],
  eventIds: ReadonlySet<string>,
): Readonly<Record<`outbox_${OutboxColumn}`, string>> {
  return allColumns("outbox", entries, {
    ...outboxColumns,
    headers: (entry: OutboxEntry) => JSON.stringify(entry.headers),
    envelope: (entry: OutboxEntry) => envelopeOf(entry, eventIds),
  });
}

const outboxColumns = {
  id: (entry: OutboxEntry) => entry.id,
  kind: (entry: OutboxEntry) => entry.kind,
  message_id: (entry: OutboxEntry) => entry.messageId,
  type: (entry: OutboxEntry) => entry.type,
  exchange: (entry: OutboxEntry) => entry.exchange,
  routing_key: (entry: OutboxEntry) => entry.routingKey,
  correlation: (entry: OutboxEntry) => entry.correlation,
  order_key: (entry: OutboxEntry) => entry.orderKey,
  is_mandatory: (entry: OutboxEntry) => entry.isMandatory,
};

function envelopeOf({ kind, messageId, envelope }: OutboxEntry, eventIds: ReadonlySet<string>): string | null {
  return kind === "event" && eventIds.has(messageId) ? null : envelope;
}

function encodeInbox<const Prefix extends "inbox" | "voided">(prefix: Prefix, entries: readonly InboxEntry[]) {
  return columns(prefix, sorted(entries, ({ messageId, consumer }) => `${messageId} ${consumer}`), {
    id: ({ messageId }) => messageId,
    consumer: ({ consumer }) => consumer,
    digest: ({ digest }) => digest,
  });
}

function encodeEffects(effects: readonly EffectEntry[]) {
  return columns("effect", effects, {
    id: (effect) => effect.id,
    stream: (effect) => effect.stream,
    name: (effect) => effect.effect,
    dependency: (effect) => effect.dependency,
    correlation: (effect) => effect.correlation,
    request: (effect) => JSON.stringify(effect.request),
    caused_by: (effect) => JSON.stringify(effect.causedBy),
    headers: (effect) => JSON.stringify(effect.headers),
    supersedes: (effect) => JSON.stringify(effect.supersedes ?? []),
  });
}

function encodeDeadLetters(letters: readonly DeadLetterEntry[]) {
  return columns("dead", letters.map(cleanDeadLetter), {
    id: (letter) => letter.id,
    message_id: (letter) => letter.messageId,
    type: (letter) => letter.type,
    class: (letter) => letter.class,
    reason: (letter) => letter.reason,
    detail: (letter) => letter.detail,
    attempts: (letter) => letter.attempts,
    queue: (letter) => letter.queue,
    user_id: (letter) => letter.userId,
    correlation: (letter) => letter.correlation,
    body: (letter) => letter.body,
    body_bytes: (letter) => letter.bodyBytes,
    digest: (letter) => letter.digest,
    headers: (letter) => JSON.stringify(letter.headers),
  });
}

function encodeRows(rows: readonly ProjectionRow[]) {
  const ordered = sorted(rows, ({ projection, key }) => `${projection} ${key}`);
  return {
    ...columns("row", ordered, {
      projection: (row) => row.projection,
      generation: (row) => row.generation,
      key: (row) => row.key,
      owner: (row) => row.owner,
      sort: (row) => row.sort,
      revision: (row) => row.revision,
    }),
    ...lines("row", ordered, {
      seen: (row) => JSON.stringify(row.seen),
      row: (row) => JSON.stringify(row.row),
    }),
  };
}

/** JSON where something changes, which is rare; the version alone elsewhere. */
function encodeLanes({ version, ...changes }: LaneWrites) {
  const encoded = { lane_version: `${version}` };
  return changesLanes({ version, ...changes }) ? { ...encoded, lanes: JSON.stringify(changes) } : encoded;
}

/** Nothing where there are no entries. */
function columns<Entry, const Prefix extends string, Name extends string>(
  prefix: Prefix,
  entries: readonly Entry[],
  read: Readonly<Record<Name, (entry: Entry) => SqlValue>>,
): Readonly<Partial<Record<`${Prefix}_${Name}`, string>>> {
  type Columns = Readonly<Partial<Record<`${Prefix}_${Name}`, string>>>;
  return entries.length === 0 ? {} as Columns : allColumns(prefix, entries, read);
}

function allColumns<Entry, const Prefix extends string, Name extends string>(
  prefix: Prefix,
  entries: readonly Entry[],
  read: Readonly<Record<Name, (entry: Entry) => SqlValue>>,
): Readonly<Record<`${Prefix}_${Name}`, string>> {
  const encoded: Record<string, string> = {};
  for (const name in read) encoded[`${prefix}_${name}`] = sqlArray(entries.map(read[name]));
  return encoded as Record<`${Prefix}_${Name}`, string>;
}

/** Long texts without line breaks, one a line: see `commit_turn`. */
function lines<Entry, const Prefix extends string, Name extends string>(
  prefix: Prefix,
  entries: readonly Entry[],
  read: Readonly<Record<Name, (entry: Entry) => string>>,
): Readonly<Partial<Record<`${Prefix}_${Name}`, string>>> {
  const encoded: Record<string, string> = {};
  if (entries.length > 0) {
    for (const name in read) {
      encoded[`${prefix}_${name}`] = entries.map(read[name]).join("\n");
    }
  }
  return encoded as Readonly<Partial<Record<`${Prefix}_${Name}`, string>>>;
}

function list<const Name extends string>(
  name: Name,
  values: readonly string[],
): Readonly<Partial<Record<Name, string>>> {
  return (values.length === 0 ? {} : { [name]: sqlArray(values) }) as Readonly<Partial<Record<Name, string>>>;
}

function sorted<Entry>(entries: readonly Entry[], key: (entry: Entry) => string): readonly Entry[] {
  return entries.length < 2 ? entries : [...entries].sort((left, right) => compareText(key(left), key(right)));
}
