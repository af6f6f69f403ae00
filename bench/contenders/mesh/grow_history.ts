import { systemClock } from "@mesh/base";
import type postgres from "postgres";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { inDatabase } from "./in_database.ts";
import { orchestrator, services } from "./services.ts";

/** Order ids: of the time at which they were drawn (UUIDv7), as the shop's are, or random (UUIDv4). */
export type OrderKeys = "time" | "random";

/** Copies that one transaction makes: about as many rows as stay in the database's buffers. */
const copiesPerTransaction = 8;
/** Connections that copy the history of one service. */
const lanes = 2;
/** Over which the copies are spread, up to now. */
const spanMs = 3_600_000;

/**
 * Copies what the services have recorded so far: every event, inbox entry and answer, with ids, keys and streams of their
 * own, in the order of their time, as one row each. Ids are derived from those of the sample, so they agree from service to
 * service. An envelope is the one of its sample, byte for byte: it has the length of a real one and proves nothing, which
 * nobody notices, because turns read none of the past and cursors stand behind it.
 *
 * Only for services that are not running and have nothing under way.
 *
 * @param plan How often each saga is copied, and what the copies' order ids are like.
 */
export async function growHistory(
  setup: ContenderSetup,
  { copies, keys }: { readonly copies: number; readonly keys: OrderKeys },
): Promise<void> {
  const beginMs = systemClock.nowMs() - spanMs;
  const stepMs = spanMs / (copies + 1);
  await Promise.all(services.map(({ name }) =>
    inDatabase(setup, name, async (sql) => {
      await refuseUnfinished(sql, name);
      await sql.unsafe(preparationFor(keys));
    })
  ));
  const copyLane = (name: string, lane: number) =>
    inDatabase(setup, name, async (sql) => {
      for (let from = 1 + lane * copiesPerTransaction; from <= copies; from += lanes * copiesPerTransaction) {
        const until = Math.min(copies, from + copiesPerTransaction - 1);
        await sql.begin(async (transaction) => {
          await transaction`select sample.copy_sagas(${from}::int, ${until}::int, ${beginMs}::bigint, ${stepMs}::float8)`;
        });
      }
    });
  await Promise.all(services.flatMap(({ name }) => Array.from({ length: lanes }, (_, lane) => copyLane(name, lane))));
  // What autovacuum would do in the middle of a measurement.
  await Promise.all(services.map(({ name }) =>
    inDatabase(setup, name, async (sql) => {
      await sql`drop schema sample cascade`;
      for (const table of ["event", "inbox", "answer"]) await sql.unsafe(`vacuum (analyze) mesh.${table}`);
    })
  ));
  await moveCursors(setup);
}

async function refuseUnfinished(sql: postgres.Sql, service: string): Promise<void> {
  const [row] = await sql<[{ count: number }]>`
    select (select count(*) from mesh.outbox)::int + (select count(*) from mesh.timer)::int
      + (select count(*) from mesh.effect)::int + (select count(*) from mesh.snapshot)::int as count`;
  if (row.count > 0) throw new Error(`Cannot copy the history of ${service}: ${row.count} rows are not of the past`);
}

/** A service that has run all the time has read its owners' feeds to the end. */
async function moveCursors(setup: ContenderSetup): Promise<void> {
  for (const owner of new Set(orchestrator.subscribes.map(({ event }) => event.service))) {
    const cursor = await inDatabase(setup, owner, async (sql) => {
      const [row] = await sql<[{ cursor: string }]>`
        select format('%s.%s.%s.%s', epoch, epoch, xid, position) as cursor from mesh.event
        order by epoch desc, xid desc, position desc limit 1`;
      return row.cursor;
    });
    await inDatabase(setup, orchestrator.name, async (sql) => {
      await sql`
        insert into mesh.feed_cursor (owner, cursor) values (${owner}, ${cursor})
        on conflict (owner) do update set cursor = excluded.cursor`;
    });
  }
}

/**
 * Copy n of an id is a UUIDv7 of the last hour, later the higher n is: as in a real history, new rows come behind old ones
 * in every index over message ids.
 */
const preparationFor = (keys: OrderKeys) => `
  create schema sample;
  create table sample.event as select * from mesh.event;
  create table sample.inbox as select * from mesh.inbox;
  create table sample.answer as select * from mesh.answer;

  -- Single expressions, which are put into the statement as they are: a call for each row takes ten times as long.
  create function sample.copied_id(id uuid, ms bigint, n integer) returns uuid language sql immutable as $$
    select overlay(overlay(overlay(md5(id::text || n::text) placing lpad(to_hex(ms), 12, '0') from 1)
      placing '7' from 13) placing '8' from 17)::uuid
  $$;

  create function sample.copied_order(id text, ms bigint, n integer) returns text language sql immutable as $$
    select ${
  keys === "time"
    ? "sample.copied_id(id::uuid, ms, n)::text"
    : "overlay(overlay(md5(id || n::text) placing '4' from 13) placing '8' from 17)::uuid::text"
}
  $$;

  create function sample.copy_sagas(from_n integer, until_n integer, begin_ms bigint, step_ms float8) returns void language sql as $$
    insert into mesh.event (recorded_at_ms, epoch, version, schema_version, id, stream, type, correlation, hash, data,
      envelope)
    select t.ms, s.epoch, s.version, s.schema_version, sample.copied_id(s.id, t.ms, n),
      replace(s.stream, s.correlation, o.id), s.type, o.id, s.hash, replace(s.data::text, s.correlation, o.id)::json,
      s.envelope
    from generate_series(from_n, until_n) as n
    cross join lateral (select begin_ms + floor(n * step_ms)::bigint as ms) as t
    cross join sample.event s
    cross join lateral (select sample.copied_order(s.correlation, t.ms, n) as id) as o
    order by n, s.position;

    insert into mesh.inbox (message_id, handled_at_ms, consumer, digest)
    select sample.copied_id(s.message_id, t.ms, n), t.ms, s.consumer, s.digest
    from generate_series(from_n, until_n) as n
    cross join lateral (select begin_ms + floor(n * step_ms)::bigint as ms) as t
    cross join sample.inbox s;

    insert into mesh.answer (command_id, event_id, recorded_at_ms, requeued_at_ms, type, exchange, routing_key,
      correlation, order_key, is_mandatory, headers)
    select sample.copied_id(s.command_id, t.ms, n), sample.copied_id(s.event_id, t.ms, n), t.ms, null, s.type,
      s.exchange, s.routing_key, o.id, replace(s.order_key, s.correlation, o.id), s.is_mandatory, s.headers
    from generate_series(from_n, until_n) as n
    cross join lateral (select begin_ms + floor(n * step_ms)::bigint as ms) as t
    cross join sample.answer s
    cross join lateral (select sample.copied_order(s.correlation, t.ms, n) as id) as o;
  $$`;
