import type {
  DeadLetterEntry,
  InboxEntry,
  OutboxEntry,
  ProjectionRow,
  StoredDeadLetter,
  TurnWrites,
} from "../store.ts";
import { answersIn, cleanDeadLetter, compareText } from "../writes.ts";
import { sqlArray, type SqlValue } from "./sql_array.ts";

/** Parameters of `mesh.commit_turn` by name (without `p_`), as array literals; `notify` as it is. */
export type CommitArguments = Readonly<Record<CommitParameter, string>>;

type CommitParameter =
  | `inbox_${"id" | "consumer" | "digest"}`
  | `voided_${"id" | "consumer" | "digest"}`
  | `expected_${"stream" | "version"}`
  | `event_${EventColumn}`
  | `answer_${"command" | "outbox"}`
  | `snapshot_${"stream" | "version" | "state_version" | "state"}`
  | `outbox_${OutboxColumn}`
  | "answered"
  | "confirmed"
  | `timer_${"stream" | "due"}`
  | `effect_${EffectColumn}`
  | `dead_${DeadLetterColumn}`
  | `row_${RowColumn}`
  | `settled_${"id" | "status"}`
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
 * Whatever takes locks is sorted, so that all commits take them in the same order; events, outbox and effects keep
 * the order of the turn, which becomes the order of their positions.
 */
export function encodeWrites(
  writes: TurnWrites,
  settlements: readonly { readonly id: string; readonly status: StoredDeadLetter["status"] }[],
): CommitArguments {
  const expected = sorted(writes.expected, ({ stream }) => stream);
  const timers = sorted(writes.timers, ({ stream }) => stream);
  const answers = answersIn(writes);
  const settled = sorted(settlements, ({ id }) => id);
  const eventIds = new Set(writes.events.map(({ id }) => id));
  return {
    ...encodeInbox("inbox", writes.inbox),
    ...encodeInbox("voided", writes.voided),
    ...columns("expected", expected, {
      stream: ({ stream }) => stream,
      version: ({ version }) => version,
    }),
    ...columns("event", writes.events, {
      stream: (event) => event.stream,
      version: (event) => event.version,
      id: (event) => event.id,
      type: (event) => event.type,
      schema_version: (event) => event.schemaVersion,
      correlation: (event) => event.correlation,
      data: (event) => JSON.stringify(event.data),
      envelope: (event) => event.envelope,
      hash: (event) => event.hash,
    }),
    ...columns("answer", answers, {
      command: ({ commandId }) => commandId,
      outbox: ({ outboxId }) => outboxId,
    }),
    ...columns("snapshot", sorted(writes.snapshots, ({ stream }) => stream), {
      stream: (snapshot) => snapshot.stream,
      version: (snapshot) => snapshot.version,
      state_version: (snapshot) => snapshot.stateVersion,
      state: (snapshot) => JSON.stringify(snapshot.state),
    }),
    ...encodeOutbox(writes.outbox, eventIds),
    answered: sqlArray([...writes.answered].sort()),
    confirmed: sqlArray([...writes.confirmed].sort()),
    ...columns("timer", timers, { stream: ({ stream }) => stream, due: ({ dueAtMs }) => dueAtMs }),
    ...columns("effect", writes.effects, {
      id: (effect) => effect.id,
      stream: (effect) => effect.stream,
      name: (effect) => effect.effect,
      dependency: (effect) => effect.dependency,
      correlation: (effect) => effect.correlation,
      request: (effect) => JSON.stringify(effect.request),
      caused_by: (effect) => JSON.stringify(effect.causedBy),
      headers: (effect) => JSON.stringify(effect.headers),
      supersedes: (effect) => JSON.stringify(effect.supersedes ?? []),
    }),
    ...encodeDeadLetters(writes.deadLetters),
    ...encodeRows(writes.rows),
    ...columns("settled", settled, { id: ({ id }) => id, status: ({ status }) => status }),
    notify: writes.notify ?? "",
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
  return columns("outbox", entries, {
    id: (entry) => entry.id,
    kind: (entry) => entry.kind,
    message_id: (entry) => entry.messageId,
    type: (entry) => entry.type,
    exchange: (entry) => entry.exchange,
    routing_key: (entry) => entry.routingKey,
    correlation: (entry) => entry.correlation,
    order_key: (entry) => entry.orderKey,
    is_mandatory: (entry) => entry.isMandatory,
    headers: (entry) => JSON.stringify(entry.headers),
    envelope: (entry) => entry.kind === "event" && eventIds.has(entry.messageId) ? null : entry.envelope,
  });
}

function encodeInbox<const Prefix extends "inbox" | "voided">(prefix: Prefix, entries: readonly InboxEntry[]) {
  return columns(prefix, sorted(entries, ({ messageId, consumer }) => `${messageId} ${consumer}`), {
    id: ({ messageId }) => messageId,
    consumer: ({ consumer }) => consumer,
    digest: ({ digest }) => digest,
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
  return columns("row", sorted(rows, ({ projection, key }) => `${projection} ${key}`), {
    projection: (row) => row.projection,
    generation: (row) => row.generation,
    key: (row) => row.key,
    owner: (row) => row.owner,
    sort: (row) => row.sort,
    revision: (row) => row.revision,
    seen: (row) => JSON.stringify(row.seen),
    row: (row) => JSON.stringify(row.row),
  });
}

function columns<Entry, const Prefix extends string, Name extends string>(
  prefix: Prefix,
  entries: readonly Entry[],
  read: Readonly<Record<Name, (entry: Entry) => SqlValue>>,
): Readonly<Record<`${Prefix}_${Name}`, string>> {
  const names = Object.keys(read) as Name[];
  return Object.fromEntries(
    names.map((name) => [`${prefix}_${name}`, entries.length === 0 ? "{}" : sqlArray(entries.map(read[name]))]),
  ) as Record<`${Prefix}_${Name}`, string>;
}

function sorted<Entry>(entries: readonly Entry[], key: (entry: Entry) => string): readonly Entry[] {
  return entries.length < 2 ? entries : [...entries].sort((left, right) => compareText(key(left), key(right)));
}
