import { rejects as assertRejects } from "node:assert/strict";
import { systemClock } from "@mesh/base";
import { PostgresStore } from "@mesh/store";
import {
  migrate,
  type ProvisionedService,
  provisionService,
  readMeshMigrations,
  readMigrations,
} from "@mesh/store/migrate";
import { dropDatabase, startInfra } from "@mesh/testing/infra";
import type postgres from "postgres";
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

async function provide(): Promise<ProvisionedService> {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "audit", password: crypto.randomUUID(), prefix });
  databases.push(made.database);
  const sets = [await readMeshMigrations(), await readMigrations("audit", new URL("../migrations/", import.meta.url))];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return made;
}
