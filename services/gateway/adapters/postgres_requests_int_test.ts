import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { type IdSource, systemClock, systemIds } from "@mesh/base";
import { noWrites, PostgresStore, type TurnWrites } from "@mesh/store";
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

Deno.test("postgresRequests commits what comes at once in a few transactions, and refuses only what is not free", async () => {
  let commitCount = 0;
  await using store = new PostgresStore({ url: provisioned.url, clock: systemClock });
  const requests = postgresRequests({
    run: (what, work) => store.run(what, work),
    commitWith: (writes, participant) => {
      commitCount += 1;
      return store.commitWith(writes, participant);
    },
  });
  const ids = systemIds();
  const accountId = ids.next();
  const accept = (key: string) =>
    requests.accept(commandOf(ids), { request: { accountId, key, route: "POST /", digest: "" }, answer });
  const answer = { status: 202, body: null };
  await accept("used");
  const before = (await store.readStatus()).outboxCount;

  const results = await Promise.allSettled(
    ["first", ...Array.from({ length: 40 }, (_, at) => `key ${at}`), "used"].map(accept),
  );
  const refused = results.flatMap((result) => result.status === "rejected" ? [result.reason.reason] : []);

  assertEquals(refused, ["request-known"]);
  assertEquals((await store.readStatus()).outboxCount - before, 41);
  // One for the key that was used, one for the first, one for all that came meanwhile, and that once more without the used one.
  assertEquals(commitCount, 4);
});

Deno.test("postgresRequests lets one wrong write harm no other that comes at once", async () => {
  await using store = new PostgresStore({ url: provisioned.url, clock: systemClock });
  const requests = postgresRequests(store);
  const ids = systemIds();
  const accountId = ids.next();
  const accept = (key: string) =>
    requests.accept(commandOf(ids), {
      request: { accountId, key, route: "POST /", digest: "" },
      answer: { status: 202, body: null },
    });

  const results = await Promise.allSettled(["first", "second", "k".repeat(129), "fourth"].map(accept));

  assertEquals(results.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  assertEquals((await requests.find(accountId, "fourth"))?.key, "fourth");
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

/** A turn that sends one command. */
function commandOf(ids: IdSource): TurnWrites {
  const id = ids.next();
  const entry = { id, kind: "command", messageId: id, type: "orders.place-order", exchange: "mesh.commands" } as const;
  const routing = { routingKey: "orders.place-order.v1.k00", correlation: id, orderKey: `gateway/${id}` };
  const rest = { isMandatory: true, headers: {}, envelope: "unsigned", sentCount: 0 };
  return { ...noWrites, outbox: [{ ...entry, ...routing, ...rest }] };
}
