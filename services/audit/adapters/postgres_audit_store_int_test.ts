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

Deno.test("what is known of an event costs the same in a long log, also with plans that were made on an empty one", async () => {
  const { url, database } = await provide();
  const rowCount = 4_000;
  const known = { owner: "orders", envelope: "e", hash: "h 7", recordedAtMs: 1, facts: { id: "id 7" } };
  const { hash, facts: { id } } = known;
  const look = (store: AuditStore) => store.recall("orders", { streams: ["orders/7"], envelopes: [{ id, hash }] });
  {
    await using store = new PostgresStore({ url, clock: systemClock, poolMax: 1 });
    const audit = postgresAuditStore(store);
    // From the sixth run on a statement keeps its plan.
    for (let round = 0; round < 8; round += 1) await look(audit);
    await store.run("fill", (sql) =>
      sql`
        insert into audit.entry (recorded_at_ms, n, owner, id, hash, subject, envelope)
        select 1, 1, 'orders', 'id ' || n, 'h ' || n, 'orders/' || n, 'e' from generate_series(1, ${rowCount}::int) n`);
    assertEquals((await look(audit)).rivals.get(id)?.length, 1);
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
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "audit", password: crypto.randomUUID(), prefix });
  databases.push(made.database);
  const sets = [await readMeshMigrations(), await readMigrations("audit", new URL("../migrations/", import.meta.url))];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return made;
}
