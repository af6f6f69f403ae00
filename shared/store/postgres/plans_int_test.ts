import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import { PostgresFixture } from "../conformance/postgres_subject.ts";
import { handled, makeEffect, makeEvent, makeRow, publishing, writing } from "../conformance/subject.ts";
import type { PostgresStore } from "./postgres_store.ts";

const ids = systemIds();
const rowCount = 4_000;

Deno.test("postgres store reads few rows with plans that were made while the tables were empty", async () => {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const store = fixture.openStore({ poolMax: 1 });
  // From the sixth run on a statement keeps its plan; the database learns how tables have grown a minute later or so.
  for (let round = 0; round < 8; round += 1) await useEverything(store, round);
  await fill(fixture);
  await useEverything(store, 8);
  // A connection that ends reports its statistics.
  await store[Symbol.asyncDispose]();
  while (await isConnected(fixture));
  const reads = await fixture.admin<{ name: string; count: string }[]>`
    select relname as name, seq_tup_read as count from pg_stat_user_tables
    where schemaname = 'mesh' and relname <> 'feed_epoch'
    union all
    select indexrelname, idx_tup_read from pg_stat_user_indexes where schemaname = 'mesh'`;
  const excessive = reads.filter(({ count }) => Number(count) > rowCount / 10);
  ok(reads.length > 20);
  assertEquals(excessive.map(({ name, count }) => `${name}: ${count}`), []);
});

async function useEverything(store: PostgresStore, round: number): Promise<void> {
  const stream = `inventory/${round}`;
  const event = makeEvent(ids, { stream, version: 1 }, { re: [ids.next()] });
  const inbox = [handled(ids.next())];
  const rows = await store.loadRows("orders", 1, ["a", "b"]);
  const result = await store.commit(writing({
    inbox,
    expected: [{ stream, version: 0 }],
    events: [event],
    outbox: [publishing(ids, event)],
    confirmed: [ids.next()],
    awaiting: [ids.next()],
    answered: [ids.next()],
    timers: [{ stream, dueAtMs: 1 }, { stream: "other", dueAtMs: null }],
    effects: [makeEffect(stream, 0)],
    rows: [makeRow(`new ${round}`), rows.find(({ key }) => key === "a") ?? makeRow("a")],
  }));
  assertEquals(result.outcome, "committed");
  await store.loadStreams([stream, "unknown"], "1");
  await store.loadStreams(["old"], "1");
  await store.listRows({ projection: "orders", generation: 1, owner: "anna", limit: 1 });
  await store.listRows({ projection: "orders", generation: 1, before: "5", limit: 1 });
  const { next } = await store.readFeed({ after: "", limit: 1 });
  await store.readFeed({ after: next, limit: 1, types: ["rare"] });
  await store.readStream(stream, 1, 1);
  await store.readDueTimers(1);
  await store.findHandled("inventory", [...inbox.map(({ messageId }) => messageId), ids.next()]);
  await store.requeueAnswers([ids.next()], ids.next);
  await store.claimOutbox({ limit: 1, olderThanMs: 0, leaseMs: 1 });
  await store.claimEffects({ limits: { provider: 1 }, leaseMs: 60_000, by: 0 });
}

async function fill({ admin }: PostgresFixture): Promise<void> {
  await admin`
    insert into mesh.event (recorded_at_ms, epoch, stream, version, id, type, schema_version, correlation, data, envelope, hash)
    select 1, 1, 'filled/' || n, 1, gen_random_uuid(), 'rare', 1, '', '{}', '', '' from generate_series(1, ${rowCount}::int) n`;
  // Its snapshot is of its last version, so that there is one event to read.
  await admin`
    insert into mesh.event (recorded_at_ms, epoch, stream, version, id, type, schema_version, correlation, data, envelope, hash)
    select 1, 1, 'old', n, gen_random_uuid(), 'rare', 1, '', '{}', '', '' from generate_series(1, ${rowCount}::int) n`;
  await admin`insert into mesh.snapshot (stream, state_version, version, state) values ('old', '1', ${rowCount}, '{}')`;
  await admin`
    insert into mesh.snapshot (stream, state_version, version, state)
    select 'filled/' || n, '1', 1, '{}' from generate_series(1, ${rowCount}::int) n`;
  await admin`
    insert into mesh.projection (projection, generation, key, owner, sort, revision, seen, "row")
    select 'orders', 1, 'filled ' || n, 'anna', n, 1, '{}', '{}' from generate_series(1, ${rowCount}::int) n`;
  await admin`
    insert into mesh.timer (stream, due_at_ms)
    select 'filled/' || n, 9007199254740991 from generate_series(1, ${rowCount}::int) n`;
  await admin`
    insert into mesh.effect (id, created_at_ms, next_at_ms, stream, effect, dependency, supersedes, correlation, request,
      caused_by, headers)
    select n, 1, 1, 'filled/' || n, '', 'carrier', '{}', '', '{}', '{}', '{}' from generate_series(1, ${rowCount}::int) n`;
  await admin`
    insert into mesh.inbox (message_id, handled_at_ms, consumer, digest)
    select gen_random_uuid(), 1, 'inventory', '' from generate_series(1, ${rowCount}::int) n`;
  await admin`
    insert into mesh.answer (command_id, event_id, recorded_at_ms, type, exchange, routing_key, correlation, order_key,
      is_mandatory, headers)
    select gen_random_uuid(), gen_random_uuid(), 1, '', '', '', '', '', false, '{}'
    from generate_series(1, ${rowCount}::int) n`;
}

async function isConnected({ admin, service }: PostgresFixture): Promise<boolean> {
  const rows = await admin`
    select 1 from pg_stat_activity where datname = current_database() and usename = ${service.runtimeRole}`;
  return rows.length > 0;
}
