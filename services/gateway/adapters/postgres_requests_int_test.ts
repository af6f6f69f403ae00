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
import postgres from "postgres";
import { testRequests } from "../requests_conformance.ts";
import { postgresRequests } from "./postgres_requests.ts";

// One database for the file, migrated as the owner, used as the role that the service runs as.
const infra = await startInfra({ wants: ["postgres"] });
const provisioned = await provide();
const owner = postgres(provisioned.ownerUrl, { max: 1, onnotice: () => {} });
// Connected here and not in the first test, whose connection it would not be.
await owner`select 1`;

Deno.test.afterAll(async () => {
  await owner.end();
  await dropDatabase(infra.postgres.adminUrl, provisioned.database);
  await infra.stop();
});

testRequests("postgresRequests", async () => {
  await owner.begin(async (sql) => {
    await sql.unsafe(`set local role "${provisioned.ownerRole}"`);
    await sql`delete from gateway.accepted_order`;
    await sql`delete from gateway.request`;
    await sql`delete from gateway.known_address`;
    await sql`delete from mesh.outbox`;
  });
  const store = new PostgresStore({ url: provisioned.url, clock: systemClock, poolMax: 8 });
  return {
    requests: postgresRequests(store),
    store,
    // The database's clock cannot be moved; what it has written can be made older.
    passTime: async (durationMs) => {
      await store.sql`
        update gateway.request
        set created_at_ms = created_at_ms - ${durationMs}::bigint, lease_until_ms = lease_until_ms - ${durationMs}::bigint`;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
});

Deno.test("postgresRequests cannot change or remove an order that was accepted", async () => {
  await using store = new PostgresStore({ url: provisioned.url, clock: systemClock });
  await assertRejects(store.sql`update gateway.accepted_order set total_minor = 1`, { code: "42501" });
  await assertRejects(store.sql`delete from gateway.accepted_order`, { code: "42501" });
});

Deno.test("postgresRequests says that the database is away, not what the driver says", async () => {
  const elsewhere = new URL(provisioned.url);
  elsewhere.password = "wrong";
  await using store = new PostgresStore({ url: elsewhere.href, clock: systemClock });
  const id = "0198d6f0-0000-7000-8000-000000000001";
  await assertRejects(postgresRequests(store).find(id, "k"), { code: "dependency.unavailable" });
});

async function provide(): Promise<ProvisionedService> {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "gateway", password: crypto.randomUUID(), prefix });
  const sets = [
    await readMeshMigrations(),
    await readMigrations("gateway", new URL("../migrations/", import.meta.url)),
  ];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return made;
}
