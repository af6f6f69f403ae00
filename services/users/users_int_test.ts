import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { behaviourOf } from "@mesh/actor";
import { ConflictError, systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import { defineService, type ServiceDefinition } from "@mesh/contract";
import {
  emitPolicyFrom,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  policyIndex,
  publicKeyFromJwk,
  signingKeyFromJwk,
} from "@mesh/envelope";
import {
  accessTokenVerifier,
  callerOnly,
  callTokenIssuer,
  defaultSettings,
  fixedKeys,
  internalApp,
  keysFromJwks,
  type RunningService,
  silentLog,
  silentMeter,
  startService,
  verifyCallToken,
} from "@mesh/runtime";
import { PostgresStore } from "@mesh/store";
import {
  migrate,
  type ProvisionedService,
  provisionService,
  readMeshMigrations,
  readMigrations,
} from "@mesh/store/migrate";
import { dropDatabase, startInfra } from "@mesh/testing/infra";
import { cheapCosts, fixtureTokens } from "./accounts_fixture.ts";
import { openAccounts } from "./accounts.ts";
import { users } from "./actor.ts";
import { postgresAccountStore } from "./adapters/postgres_account_store.ts";
import { runtimeTurns } from "./adapters/runtime_turns.ts";
import { usersApp } from "./app.ts";
import { RegisterCustomer } from "./contract.ts";
import type { AccountParts } from "./parts.ts";
import { passwordHasher } from "./passwords.ts";
import { service } from "./service.ts";
import { makeTokenKeyFile, readTokenKeys, type TokenKeys } from "./token_keys.ts";
import { accessTokenIssuer } from "./tokens.ts";

const form = { email: "mina@example.com", password: "four words in a row", displayName: "Mina" };
const credentials = { email: form.email, password: form.password, clientIp: "192.0.2.1" };
const home = { recipient: "Mina", lines: ["Jong-ro 1"], postalCode: "03154", city: "Seoul", countryCode: "KR" };

/** Those that may call users, as far as their own definitions matter here. */
function caller(name: string): ServiceDefinition {
  const nothing = { accepts: [], publishes: [], sends: [], subscribes: [], purpose: "calls users", internalPort: 9100 };
  return defineService({ ...nothing, name, calls: ["users"] });
}
const services = [service, caller("gateway"), caller("shipping")];

const infra = await startInfra({ wants: ["postgres"] });

Deno.test.afterAll(() => infra.stop());

Deno.test("users keeps rows and signed events together, from registration to a stolen token", async () => {
  await using world = await openWorld();
  const { ask, events, verifier } = world;
  assertEquals((await ask("/v1/accounts", form)).status, 202);
  const login = await (await ask("/v1/sessions", credentials)).json();
  const { subject, scopes } = await verifier.verify(login.accessToken);
  assertEquals(scopes, new Set(["shop"]));
  const added = await ask(`/v1/customers/${subject}/addresses`, home, { "idempotency-key": "k1" });
  const { addressRef } = await added.json();
  const refreshed = await (await ask("/v1/sessions/refresh", { refreshToken: login.refreshToken })).json();
  assertEquals((await ask("/v1/sessions/refresh", { refreshToken: login.refreshToken })).status, 401);
  assertEquals((await ask("/v1/sessions/refresh", { refreshToken: refreshed.refreshToken })).status, 401);
  assertEquals((await ask("/v1/accounts", form)).status, 202);

  const recorded = await events();
  const { sessionId } = recorded[1]?.dat ?? {};
  const customerId = subject;
  const byCustomer = (via: string) => ({ sub: customerId, via });
  assertEquals(recorded.map(({ evt, n, dat, act }) => ({ evt, n, dat, act })), [
    { evt: "users.customer-registered", n: 1, dat: { customerId, role: "customer" }, act: byCustomer("users") },
    { evt: "users.session-started", n: 2, dat: { customerId, sessionId }, act: byCustomer("users") },
    { evt: "users.address-added", n: 3, dat: { customerId, addressRef }, act: byCustomer("gateway") },
    { evt: "users.refresh-reuse-detected", n: 4, dat: { customerId, sessionId }, act: undefined },
    { evt: "users.registration-repeated", n: 5, dat: { customerId }, act: undefined },
  ]);
});

Deno.test("users records one registration of an address, however many come at once", async () => {
  await using world = await openWorld();
  const answers = await Promise.all(Array.from({ length: 10 }, () => world.ask("/v1/accounts", form)));
  assertEquals(new Set(answers.map(({ status }) => status)), new Set([202]));
  const types = (await world.events()).map(({ evt }) => evt);
  assertEquals(types.filter((type) => type === "users.customer-registered").length, 1);
  assertEquals((await world.store.sql`select 1 from users.account`).length, 1);
});

Deno.test("users adds one address under one key and tells of it once, however many ask at once and again", async () => {
  await using world = await openWorld();
  await world.ask("/v1/accounts", form);
  const { customerId } = (await world.parts.store.findAccountByEmail(form.email))!;
  const add = async () => {
    const answer = await world.ask(`/v1/customers/${customerId}/addresses`, home, { "idempotency-key": "k1" });
    return { status: answer.status, ...await answer.json() };
  };
  const answers = [...await Promise.all(Array.from({ length: 5 }, add)), await add()];
  const rows = await world.store.sql<{ addressRef: string }[]>`select address_ref as "addressRef" from users.address`;
  assertEquals(answers, new Array(6).fill({ status: 201, addressRef: rows[0]?.addressRef }));
  assertEquals(rows.length, 1);
  const types = (await world.events()).map(({ evt }) => evt);
  assertEquals(types, ["users.customer-registered", "users.address-added"]);
});

Deno.test("users records nothing of a turn whose rows cannot be written, and writes no rows of a turn that fails", async () => {
  await using world = await openWorld();
  await world.ask("/v1/accounts", form);
  const { turns, store: accounts, ids } = world.parts;
  const taken = { ...(await accounts.findAccountByEmail(form.email))!, customerId: ids.next() };
  const { customerId } = taken;
  await assertRejects(
    turns.run(RegisterCustomer({ customerId, role: "customer" }), [{ kind: "add-account", account: taken }]),
    { code: "store.conflict", reason: "email-taken" },
  );
  const other = { ...taken, email: "jun@example.com", emailKey: "jun@example.com" };
  const failing = runtimeTurns(world.running, {
    commitWith: (writes, participant) =>
      world.store.commitWith(writes, async (sql) => {
        await participant(sql);
        throw new ConflictError("Cannot commit: the process died here");
      }),
  });
  await assertRejects(
    failing.run(RegisterCustomer({ customerId, role: "customer" }), [{ kind: "add-account", account: other }]),
    { code: "store.conflict" },
  );
  assertEquals([await accounts.findAccounts([customerId]), (await world.events()).length], [[], 1]);
});

Deno.test("users lets nobody in but services, by their call tokens, at the routes that are for them", async () => {
  await using world = await openWorld();
  const { app, tokenFor } = world;
  const status = async (path: string, headers: Record<string, string>) => (await app.request(path, { headers })).status;
  const address = "/v1/addresses?address=0198d6f0-0000-7000-8000-00000000ffff";
  assertEquals(await status(address, {}), 401);
  assertEquals(await status(address, { authorization: `Bearer ${tokenFor("gateway")}` }), 403);
  assertEquals(await status(address, { authorization: `Bearer ${tokenFor("shipping")}` }), 200);
  assertEquals(await status(address, { authorization: `Bearer ${tokenFor("shipping", "orders")}` }), 401);
  assertEquals(await status("/.well-known/jwks.json", {}), 200);
  const accessToken = await world.parts.accessTokens.issue("0198d6f0-0000-7000-8000-00000000ffff", "operator");
  assertEquals(await status(address, { authorization: `Bearer ${accessToken}` }), 401);
  assertEquals(await status("/operator/v1/dead-letters", { authorization: `Bearer ${accessToken}` }), 200);
});

/** The service on Postgres, with the broker in memory: what travels does not matter here. */
async function openWorld() {
  const database = await provideDatabase();
  const { keys, policy, keyOf } = provideKeys();
  const server = new MemoryBrokerServer({ clock: systemClock });
  await server.load(brokerTopology(services, { partitions: 1 }));
  const broker = await server.connect("users");
  const store = new PostgresStore({ url: database.url, clock: systemClock });
  const never = () => Promise.reject(new Error("users reads no feeds"));
  const running = await startService({
    definition: service,
    behaviour: behaviourOf(users),
    broker,
    store,
    signingKey: keyOf("users"),
    keys,
    policy,
    feeds: { read: never, readStream: never },
    clock: systemClock,
    ids: systemIds(),
    log: silentLog,
    meter: silentMeter,
    settings: { ...defaultSettings, drainMs: 2_000 },
    partitions: 1,
    abandon: (reason) => {
      throw new Error(reason);
    },
  });
  const tokenKeys = await readTokenKeys(await makeTokenKeyFile());
  const verifier = accessTokenVerifier({
    ...fixtureTokens,
    keys: fixedKeys(await keysFromJwks(tokenKeys.published)),
    clock: systemClock,
  });
  const parts = await makeParts(running, store, tokenKeys);
  const verifyCall = (token: string) => verifyCallToken(token, { service: "users", keys, policy, clock: systemClock });
  const app = internalApp({
    service: "users",
    store,
    log: silentLog,
    faults: () => [],
    renderMetrics: () => Promise.resolve(""),
    verifyCall,
    accessTokens: verifier,
    operations: running.operations,
    routes: usersApp({
      accounts: openAccounts(parts),
      tokenKeys,
      allow: (...callers) => callerOnly(verifyCall, callers),
    }),
  });
  const tokenFor = (caller: string, audience = "users") => callTokenIssuer(keyOf(caller), systemClock)(audience);
  return {
    app,
    parts,
    running,
    store,
    verifier,
    tokenFor,
    ask: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${tokenFor("gateway")}`, ...headers },
        body: JSON.stringify(body),
      }),
    events: () => readEvents(store),
    [Symbol.asyncDispose]: async () => {
      await running.drain();
      await broker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await dropDatabase(infra.postgres.adminUrl, database.database);
    },
  };
}

async function provideDatabase(): Promise<ProvisionedService> {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "users", password: crypto.randomUUID(), prefix });
  const sets = [await readMeshMigrations(), await readMigrations("users", new URL("./migrations/", import.meta.url))];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return made;
}

function provideKeys() {
  const signers = new Map(services.map(({ name }) => [name, generateSigningKey(name).privateJwk]));
  const files = [...signers].map(([name, jwk]) => {
    const { jwk: publicJwk } = publicKeyFromJwk(JSON.parse(jwk), name);
    return keyFile(name, [{ jwk: publicJwk, status: "active" }]);
  });
  return {
    keys: fixedKeyDirectory(Object.fromEntries(files.map(({ name, text }) => [name, text]))),
    policy: policyIndex(emitPolicyFrom(services)),
    keyOf: (name: string) => signingKeyFromJwk(name, signers.get(name)!),
  };
}

async function makeParts(running: RunningService, store: PostgresStore, keys: TokenKeys): Promise<AccountParts> {
  const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const hasher = passwordHasher({ randomBytes, costs: cheapCosts });
  const [clock, ids] = [systemClock, systemIds()];
  return {
    store: postgresAccountStore(store),
    turns: runtimeTurns(running, store),
    hasher,
    decoyHash: await hasher.hash("nobody's password"),
    accessTokens: accessTokenIssuer({ ...fixtureTokens, keys, clock, ids }),
    clock,
    ids,
    randomBytes,
  };
}

/** Claims of everything that the service has said so far. */
async function readEvents(store: PostgresStore) {
  const rows = await store.sql<{ envelope: string }[]>`select envelope from mesh.event order by position`;
  return rows.map(({ envelope }) => {
    const payload = Uint8Array.fromBase64(envelope.split(".")[1]!, { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(payload));
  });
}
