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
import { dropDatabase, startInfra } from "@mesh/testing/infra";
import type { AccountStore } from "../account_store.ts";
import { testAccountStore } from "../account_store_conformance.ts";
import { postgresAccountStore } from "./postgres_account_store.ts";

// One database for the file, migrated as the owner, used as the role that the service runs as.
const infra = await startInfra({ wants: ["postgres"] });
const provisioned = await provide();

Deno.test.afterAll(async () => {
  await dropDatabase(infra.postgres.adminUrl, provisioned.database);
  await infra.stop();
});

testAccountStore("postgresAccountStore", async (): Promise<AccountStore & AsyncDisposable> => {
  const store = await openEmpty();
  return { ...postgresAccountStore(store), [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const customerId = "0198d6f0-0000-7000-8000-000000000001";

Deno.test("postgresAccountStore drops sessions that ended long ago when new ones come, unreported reuse never", async () => {
  await using store = await openEmpty();
  const accounts = postgresAccountStore(store);
  await accounts.write([{ kind: "add-account", account }]);
  const [kept, dropped, fresh] = ["1", "2", "3"].map((digit) => `0198d6f0-0000-7000-8000-00000000010${digit}`);
  await accounts.write([start(kept!, startMs), start(dropped!, startMs)]);
  const successor = (tokenHash: string) => () => ({ ...tokenOf(kept!, startMs), tokenHash });
  await accounts.rotate(`hash of ${kept}`, startMs, successor("b"));
  await accounts.rotate(`hash of ${kept}`, startMs, successor("c"));

  await accounts.write([start(fresh!, startMs + 3 * dayMs)]);

  const rows = await store.sql`select session_id from users.session order by session_id`;
  assertEquals(rows.map((row) => row.session_id), [kept, fresh]);
  const tokens = await store.sql`select token_hash from users.refresh_token order by token_hash`;
  assertEquals(tokens.map((row) => row.token_hash), ["b", `hash of ${kept}`, `hash of ${fresh}`]);
});

Deno.test("postgresAccountStore forgets attempts of the day before yesterday when somebody new tries", async () => {
  await using store = await openEmpty();
  const accounts = postgresAccountStore(store);
  const throttleAt = (lastAtMs: number) => [{ attemptCount: 1, lastAtMs, blockedUntilMs: 0 }];
  await accounts.changeThrottles(["old"], startMs, () => throttleAt(startMs));
  await accounts.changeThrottles(["new"], startMs + 2 * dayMs, () => throttleAt(startMs + 2 * dayMs));
  const rows = await store.sql`select subject from users.throttle`;
  assertEquals(rows.map((row) => row.subject), ["new"]);
});

Deno.test("postgresAccountStore says that the database is away, not what the driver says", async () => {
  const elsewhere = new URL(provisioned.url);
  elsewhere.password = "wrong";
  await using store = new PostgresStore({ url: elsewhere.href, clock: systemClock });
  await assertRejects(postgresAccountStore(store).findAccounts([customerId]), { code: "dependency.unavailable" });
});

async function provide(): Promise<ProvisionedService> {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "users", password: crypto.randomUUID(), prefix });
  const sets = [await readMeshMigrations(), await readMigrations("users", new URL("../migrations/", import.meta.url))];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return made;
}

async function openEmpty(): Promise<PostgresStore> {
  const store = new PostgresStore({ url: provisioned.url, clock: systemClock });
  await store.sql`delete from users.account`;
  await store.sql`delete from users.throttle`;
  return store;
}

const account = {
  customerId,
  email: "Mina@example.com",
  emailKey: "mina@example.com",
  displayName: "Mina",
  passwordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
  role: "customer",
  registeredAtMs: startMs,
} as const;

function start(sessionId: string, startedAtMs: number) {
  const session = { sessionId, customerId, startedAtMs, expiresAtMs: startedAtMs + dayMs };
  return { kind: "start-session", session, token: tokenOf(sessionId, startedAtMs) } as const;
}

function tokenOf(sessionId: string, issuedAtMs: number) {
  return { tokenHash: `hash of ${sessionId}`, sessionId, issuedAtMs, expiresAtMs: issuedAtMs + dayMs };
}
