import { deepStrictEqual as assertEquals, match as assertMatch } from "node:assert/strict";
import { ContractError, systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import {
  type AccessTokenVerifier,
  callTokenIssuer,
  defaultSettings,
  internalApp,
  type RunningService,
  silentLog,
  silentMeter,
  startService,
  verifyCallToken,
} from "@mesh/runtime";
import { PostgresStore } from "@mesh/store";
import { migrate, provisionService, readMeshMigrations, readMigrations } from "@mesh/store/migrate";
import { dropDatabase, startInfra } from "@mesh/testing/infra";
import { postgresAuditStore } from "./adapters/postgres_audit_store.ts";
import { auditApp } from "./app.ts";
import { altered, fakeFeed, services, smallMesh, startMs } from "./audit_fixture.ts";
import type { EventDocument } from "./event_document.ts";
import { feedProgress } from "./feed_progress.ts";
import { readFeed } from "./feed_reader.ts";
import { service } from "./service.ts";
import { recordReading } from "./wiring.ts";

const infra = await startInfra({ wants: ["postgres"] });

Deno.test.afterAll(() => infra.stop());

Deno.test("audit shows what the feeds gave out, and who has looked at it, on the real runtime and Postgres", async () => {
  await using world = await openWorld();
  const { feed, mesh, ask, until } = world;
  const genuine = [1, 2].map((n) => mesh.event("orders", "o-1", n, { actor: "mina" }));
  const last = mesh.event("orders", "o-1", 3);
  feed.envelopes.push(...genuine, altered(last));

  const items = await until("the order's events", async () => {
    const page = await ask("correlation=o-1");
    return page.items.length === 2 ? page.items : undefined;
  });
  assertEquals(items.map(({ envelope }) => envelope), genuine);
  const everything = await ask("from=2020-01-01T00:00:00Z&to=2026-01-02T00:00:00Z");
  assertEquals(everything.items.map(({ verification, chain }) => [verification.verified, verification.reason, chain]), [
    [true, undefined, "ok"],
    [true, undefined, "ok"],
    [false, "bad-signature", null],
  ]);

  const readings = await until("the record of the readings", async () => {
    const page = await ask("subject=audit/log-p0");
    return page.items.length >= 3 ? page.items : undefined;
  });
  assertEquals(
    new Set(
      readings.map(({ type, actor, verification, chain }) => `${type} ${actor} ${chain} ${verification.verified}`),
    ),
    new Set(["audit.events-read auditor-1 ok true"]),
  );
  assertEquals(readings.map(({ position }) => position), readings.map((_, index) => index + 1));
  const { filters, count } = readings.find(({ data }) => (data as Data).count === 2)?.data as Data;
  assertEquals([filters, count], [{ correlation: "o-1" }, 2]);
  assertMatch(await world.status(), /"entries":\d+.*"failures":\{"bad-signature":1\}/);
});

Deno.test("audit goes on where it was after a restart, and reads nothing twice", async () => {
  await using world = await openWorld();
  const { feed, mesh, ask, until, restartReaders } = world;
  feed.envelopes.push(mesh.event("orders", "o-1", 1));
  await until("the first event", async () => (await ask("signer=orders")).items.length === 1 || undefined);
  await restartReaders();
  feed.envelopes.push(mesh.event("orders", "o-1", 2));

  const items = await until("the second event", async () => {
    const page = await ask("signer=orders");
    return page.items.length > 1 ? page.items : undefined;
  });
  assertEquals(items.map(({ position, chain }) => [position, chain]), [[1, "ok"], [2, "ok"]]);
});

interface Data {
  readonly filters: unknown;
  readonly count: number;
}

async function openWorld() {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "audit", password: crypto.randomUUID(), prefix });
  const sets = [await readMeshMigrations(), await readMigrations("audit", new URL("./migrations/", import.meta.url))];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  const mesh = smallMesh();
  const server = new MemoryBrokerServer({ clock: systemClock });
  await server.load(brokerTopology(services, { partitions: 1 }));
  const broker = await server.connect("audit");
  const meshStore = new PostgresStore({ url: made.url, clock: systemClock });
  const never = () => Promise.reject(new Error("audit subscribes to nothing"));
  const { keys, policy } = mesh.verifier;
  const running = await startService({
    definition: service,
    broker,
    store: meshStore,
    signingKey: mesh.keyOf("audit"),
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
  const feed = fakeFeed(() => new ContractError("Cannot read: cursor", { reason: "cursor-epoch" }));
  const store = postgresAuditStore(meshStore);
  const progress = feedProgress(["orders", "audit"]);
  const startReaders = () => {
    const stop = new AbortController();
    const common = { store, verifier: mesh.verifier, progress, clock: systemClock, log: silentLog, intervalMs: 20 };
    const reading = [
      readFeed({
        ...common,
        owner: "orders",
        readPage: (query) => Promise.resolve(feed.read(query)),
        meter: silentMeter,
      }, stop.signal),
      readFeed(
        { ...common, owner: "audit", readPage: (query) => meshStore.readFeed(query), meter: silentMeter },
        stop.signal,
      ),
    ];
    return async () => {
      stop.abort();
      await Promise.all(reading);
    };
  };
  let stopReaders = startReaders();
  const app = appOf(running, { store, progress, mesh, meshStore });
  const authorization = {
    authorization: `Bearer ${callTokenIssuer(mesh.keyOf("gateway"), systemClock)("audit")}`,
    "mesh-access-token": "auditor-1",
  };
  const get = (path: string) => app.request(path, { headers: authorization });
  return {
    mesh,
    feed,
    until,
    ask: async (query: string): Promise<{ items: readonly EventDocument[] }> =>
      (await get(`/audit/v1/events?${query}`)).json(),
    status: async () => await (await get("/audit/v1/status")).text(),
    restartReaders: async () => {
      await stopReaders();
      stopReaders = startReaders();
    },
    [Symbol.asyncDispose]: async () => {
      await stopReaders();
      await running.drain();
      await broker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await meshStore[Symbol.asyncDispose]();
      await dropDatabase(adminUrl, made.database);
    },
  };
}

/** The internal port, with real call tokens; access tokens name their subject. */
function appOf(running: RunningService, { store, progress, mesh, meshStore }: {
  readonly store: ReturnType<typeof postgresAuditStore>;
  readonly progress: ReturnType<typeof feedProgress>;
  readonly mesh: ReturnType<typeof smallMesh>;
  readonly meshStore: PostgresStore;
}) {
  const { keys, policy } = mesh.verifier;
  const verifyCall = (token: string) => verifyCallToken(token, { service: "audit", keys, policy, clock: systemClock });
  const accessTokens: AccessTokenVerifier = {
    verify: (subject) =>
      Promise.resolve({
        subject,
        clientId: "test",
        scopes: new Set(["audit"]),
        tokenHash: "h".repeat(43),
        expiresAtMs: startMs,
      }),
  };
  return internalApp({
    service: "audit",
    store: meshStore,
    log: silentLog,
    faults: () => [],
    renderMetrics: () => Promise.resolve(""),
    verifyCall,
    accessTokens,
    operations: running.operations,
    routes: auditApp({
      store,
      verifier: mesh.verifier,
      progress,
      record: (reading, by) => recordReading(running, reading, by),
      clock: systemClock,
      verifyCall,
      accessTokens,
    }) as never,
  });
}

/** Asks until there is an answer, for 10 s at most. */
async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + 10_000;
  while (systemClock.monotonicMs() < deadlineMs) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await systemClock.delay(20);
  }
  throw new Error(`${what}: not within 10 s`);
}
