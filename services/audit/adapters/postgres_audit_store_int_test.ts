import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { systemClock } from "@mesh/base";
import { PostgresStore } from "@mesh/store";
import {
  migrate,
  type ProvisionedService,
  provisionService,
  readMeshMigrations,
  readMigrations,
} from "@mesh/store/migrate";
import { dropDatabase, startInfra, withDatabase } from "@mesh/testing/infra";
import postgres from "postgres";
import type { AuditStore } from "../audit_store.ts";
import { testAuditStore } from "../audit_store_conformance.ts";
import { postgresAuditStore } from "./postgres_audit_store.ts";

const infra = await startInfra({ wants: ["postgres"] });
const databases: string[] = [];
const migrationsUrl = new URL("../migrations/", import.meta.url);

Deno.test.afterAll(async () => {
  for (const database of databases) await dropDatabase(infra.postgres.adminUrl, database);
  await infra.stop();
});

testAuditStore("postgresAuditStore", async () => {
  const { url } = await provide();
  const store = new PostgresStore({ url, clock: systemClock });
  return { ...postgresAuditStore(store), [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

Deno.test("the audit's runtime role may add entries and neither change nor remove them", async () => {
  const { url } = await provide();
  await using store = new PostgresStore({ url, clock: systemClock });
  await postgresAuditStore(store).append({
    owner: "orders",
    stored: "",
    next: "c1",
    completeUntilMs: 0,
    entries: [{ owner: "orders", envelope: "e", hash: "h", recordedAtMs: 1, reason: "malformed", facts: {} }],
  });
  const attempt = (what: string, work: (sql: postgres.Sql) => PromiseLike<unknown>) =>
    assertRejects(store.run(what, work), /permission denied/);

  await attempt("change", (sql) => sql`update audit.entry set reason = null`);
  await attempt("remove", (sql) => sql`delete from audit.entry`);
  await attempt("empty", (sql) => sql`truncate audit.entry`);
});

Deno.test("entries of the first version are found as before once the store is migrated", async () => {
  const made = await provideEmpty();
  const [first, ...later] = (await readMigrations("audit", migrationsUrl)).migrations;
  const migrateWith = async (migrations: readonly (typeof first & object)[]) =>
    await migrate({
      url: made.ownerUrl,
      role: made.ownerRole,
      runtimeRole: made.runtimeRole,
      sets: [await readMeshMigrations(), { name: "audit", migrations }],
    });
  await migrateWith([first!]);
  await using store = new PostgresStore({ url: made.url, clock: systemClock });
  await store.run("fill", (sql) =>
    sql`
      insert into audit.entry (recorded_at_ms, n, owner, id, hash, subject, type, signer, actor, kid, chain, envelope)
      select n * 10000, n, 'orders', 'id ' || n, 'h ' || n, 'orders/1', 'type ' || n % 2, 'orders', 'mina', 'k', 'ok', 'e'
      from generate_series(1, 4) n`);
  await migrateWith([first!, ...later]);
  const audit = postgresAuditStore(store);
  const ids = async (query: Omit<Parameters<AuditStore["find"]>[0], "limit">) =>
    (await audit.find({ ...query, limit: 9 })).map(({ facts }) => facts.id);

  assertEquals({
    type: await ids({ type: "type 0" }),
    actor: await ids({ actor: "mina", fromMs: 20_001 }),
    kid: await ids({ kid: "k", type: "type 1" }),
    subject: await ids({ subject: "orders/1", toMs: 20_000 }),
    head: (await audit.recall("orders", { streams: ["orders/1"], envelopes: [] })).heads.get("orders/1"),
  }, {
    type: ["id 2", "id 4"],
    actor: ["id 3", "id 4"],
    kid: ["id 1", "id 3"],
    subject: ["id 1"],
    head: { n: 4, hash: "h 4" },
  });
});

Deno.test("what is known of an event costs the same in a long log, also with plans that were made on an empty one", async () => {
  const { url, database } = await provide();
  const rowCount = 4_000;
  const known = { owner: "orders", envelope: "e", hash: "h 7", recordedAtMs: 1, facts: { id: "id 7" } };
  const { hash, facts: { id } } = known;
  const look = async (store: AuditStore) => {
    await store.find({ type: "rare", limit: 50 });
    await store.find({ kid: "old", signer: "orders", fromMs: 1, limit: 50 });
    return await store.recall("orders", { streams: ["orders/7"], envelopes: [{ id, hash }, { id: "", hash }] });
  };
  {
    await using store = new PostgresStore({ url, clock: systemClock, poolMax: 1 });
    const audit = postgresAuditStore(store);
    // From the sixth run on a statement keeps its plan.
    for (let round = 0; round < 8; round += 1) await look(audit);
    await store.run("fill", (sql) =>
      sql`
        insert into audit.entry (recorded_at_ms, n, owner, id, hash, subject, type, kid, signer, envelope)
        select n * 1000, 1, 'orders', 'id ' || n, 'h ' || n, 'orders/' || n,
          case when n % 1000 = 1 then 'rare' else 'usual' end, case when n < 20 then 'old' else 'new' end, 'orders', 'e'
        from generate_series(1, ${rowCount}::int) n`);
    await store.run("fill sightings", (sql) =>
      sql`
        insert into audit.sighting (fact, value, span)
        select 'type', 'usual', span from generate_series(0, ${rowCount}::int * 1000 >> 12) span
        union all select 'type', 'rare', n * 1000 >> 12 from generate_series(1, ${rowCount}::int, 1000) n
        union all select 'signer', 'orders', span from generate_series(0, ${rowCount}::int * 1000 >> 12) span
        union all select 'kid', 'old', span from generate_series(0, 4) span`);
    assertEquals((await look(audit)).rivals.get(id)?.length, 1);
    assertEquals((await audit.find({ type: "rare", limit: 50 })).length, rowCount / 1000);
    // A connection that ends reports its statistics.
  }
  const admin = postgres(withDatabase(infra.postgres.adminUrl, database), { max: 1 });
  try {
    while (
      (await admin`select 1 from pg_stat_activity where datname = ${database} and usename <> current_user`).length
    );
    const reads = await admin<{ name: string; count: string }[]>`
      select relname as name, seq_tup_read as count from pg_stat_user_tables where schemaname = 'audit'
      union all
      select indexrelname, idx_tup_read from pg_stat_user_indexes where schemaname = 'audit'`;
    const excessive = reads.filter(({ count }) => Number(count) > rowCount / 10);
    assertEquals(excessive.map(({ name, count }) => `${name}: ${count}`), []);
  } finally {
    await admin.end();
  }
});

async function provide(): Promise<ProvisionedService> {
  const made = await provideEmpty();
  const sets = [await readMeshMigrations(), await readMigrations("audit", migrationsUrl)];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return made;
}

async function provideEmpty(): Promise<ProvisionedService> {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "audit", password: crypto.randomUUID(), prefix });
  databases.push(made.database);
  return made;
}
