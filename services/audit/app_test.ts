import { deepStrictEqual as assertEquals, strictEqual as assertSame } from "node:assert/strict";
import { ManualClock, TrustError, UnavailableError } from "@mesh/base";
import { type AccessToken, type AccessTokenVerifier, internalApp, type Operations, silentLog } from "@mesh/runtime";
import { MemoryStore } from "@mesh/store";
import { memoryAuditStore } from "./adapters/memory_audit_store.ts";
import { auditApp, type AuditAppOptions, type Reading } from "./app.ts";
import { altered, smallMesh, startMs } from "./audit_fixture.ts";
import { chained } from "./chain.ts";
import { feedProgress } from "./feed_progress.ts";
import { judge } from "./judge.ts";
import type { EventDocument } from "./event_document.ts";

const mesh = smallMesh();
/** Tokens are their own scopes here; how they are verified is the runtime's matter. */
const accessTokens: AccessTokenVerifier = {
  verify: (token) => {
    const scopes = new Set(token.split("."));
    if (!scopes.has("audit") && !scopes.has("operator") && !scopes.has("shop")) {
      return Promise.reject(new TrustError("Cannot accept access token: unknown", { reason: "bad-signature" }));
    }
    const verified: AccessToken = {
      subject: "a-1",
      clientId: "test",
      scopes,
      tokenHash: "h".repeat(43),
      expiresAtMs: startMs,
    };
    return Promise.resolve(verified);
  },
};
const verifyCall = (token: string) =>
  token.startsWith("call-")
    ? Promise.resolve(token.slice("call-".length))
    : Promise.reject(new TrustError("Cannot accept call: unknown"));

interface Page {
  readonly items: readonly EventDocument[];
  readonly next: string | null;
  readonly completeUntil: string | null;
}

/** The service's internal port over what `envelopes` left in the store. */
async function openApp(envelopes: readonly string[], more: Partial<AuditAppOptions> = {}) {
  const clock = new ManualClock(startMs + 60_000);
  const store = memoryAuditStore();
  const judged = envelopes.map((envelope, index) =>
    judge("orders", { envelope, recordedAtMs: startMs + index }, mesh.verifier)
  );
  await store.append({
    owner: "orders",
    stored: "",
    next: "c",
    completeUntilMs: startMs + 50_000,
    entries: chained(judged, new Map()),
  });
  const progress = feedProgress(["orders", "payments"]);
  progress.complete("orders", startMs + 50_000);
  progress.complete("payments", startMs + 40_000);
  const readings: (Reading & { by: unknown })[] = [];
  const meshStore = new MemoryStore({ clock });
  const app = internalApp({
    service: "audit",
    store: meshStore,
    log: silentLog,
    faults: () => [],
    renderMetrics: () => Promise.resolve(""),
    verifyCall,
    accessTokens,
    operations: {} as Operations,
    routes: auditApp({
      store,
      verifier: mesh.verifier,
      progress,
      record: (reading, by) => {
        readings.push({ ...reading, by });
        return Promise.resolve();
      },
      clock,
      verifyCall,
      accessTokens,
      ...more,
    }) as never,
  });
  const get = async (path: string, headers: Record<string, string> = { authorization: "Bearer audit" }) => {
    const response = await app.request(path, { headers });
    return { status: response.status, type: response.headers.get("content-type"), body: await response.json() };
  };
  const page = async (query: string): Promise<Page> => (await get(`/audit/v1/events?${query}`)).body;
  return { get, page, store, readings, app };
}

Deno.test("an event is shown with what it says, its envelope, and whether and by which key it verified", async () => {
  const id = "0198d6f0-0000-7000-8000-00000000aaaa";
  const re = ["0198d6f0-0000-7000-8000-00000000bbbb"];
  const envelope = mesh.event("orders", "o-1", 1, { id, actor: "mina", causation: re[0]!, re });
  const { page } = await openApp([envelope]);

  assertEquals(await page("correlation=o-1"), {
    items: [{
      id,
      type: "orders.order-placed",
      signer: "orders",
      subject: "orders/o-1",
      actor: "mina",
      correlation: "o-1",
      causation: re[0],
      answers: re,
      position: 1,
      recordedAt: "2026-01-01T00:00:00.000Z",
      owner: "orders",
      data: { orderId: "o-1" },
      envelope,
      verification: { verified: true, kid: mesh.keyOf("orders").kid },
      chain: "ok",
    }],
    next: null,
    completeUntil: "2026-01-01T00:00:40.000Z",
  });
});

Deno.test("an altered event is shown with its reason, and what it says is worth nothing", async () => {
  const envelope = mesh.event("orders", "o-2", 1);
  const { page } = await openApp([altered(envelope), "no envelope"]);
  const { items } = await page("from=2026-01-01T00:00:00Z");

  assertEquals(items.map(({ verification: { verified, reason }, chain }) => ({ verified, reason, chain })), [
    { verified: false, reason: "bad-signature", chain: null },
    { verified: false, reason: "malformed", chain: null },
  ]);
});

Deno.test("a row that somebody changed in the audit's own database does not pass", async () => {
  const [one, other] = [mesh.event("orders", "o-3", 1), mesh.event("orders", "o-4", 1)];
  const { store } = await openApp([one, other]);
  const swapped = {
    ...store,
    find: async (query: Parameters<typeof store.find>[0]) => {
      const found = await store.find(query);
      return found.map((entry) => ({ ...entry, envelope: other }));
    },
  };
  const { page } = await openApp([], { store: swapped });
  const forged = await openApp([], {
    store: {
      ...store,
      find: async (query) => (await store.find(query)).map((e) => ({ ...e, envelope: altered(one) })),
    },
  });

  const reasons = async ({ page: ask }: { page: typeof page }) =>
    (await ask("correlation=o-3")).items.map(({ verification }) => verification.reason);
  assertEquals(await reasons({ page }), ["changed-in-store"]);
  assertEquals(await reasons(forged), ["bad-signature"]);
});

Deno.test("pages follow one another without loss or repetition", async () => {
  const { page } = await openApp([1, 2, 3, 4, 5].map((n) => mesh.event("orders", "o-5", n)));
  const seen: (number | null)[][] = [];
  for (let cursor = ""; seen.length < 10;) {
    const { items, next } = await page(`correlation=o-5&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(items.map(({ position }) => position));
    if (next === null) break;
    cursor = next;
  }

  assertEquals(seen, [[1, 2], [3, 4], [5]]);
});

Deno.test("a single event is found by its id, with everything that claims the same id", async () => {
  const id = "0198d6f0-0000-7000-8000-00000000aaab";
  const genuine = mesh.event("orders", "o-6", 1, { id });
  const { get } = await openApp([altered(genuine), genuine]);

  const { status, body } = await get(`/audit/v1/events/${id}`);
  assertEquals([status, body.envelope, body.verification.verified], [200, genuine, true]);
  assertEquals((await get("/audit/v1/events/0198d6f0-0000-7000-8000-00000000ffff")).status, 404);
  assertEquals((await get("/audit/v1/events/me")).status, 404);
});

Deno.test("every reading is recorded with its reader before anything is given out", async () => {
  const { get, readings } = await openApp([mesh.event("orders", "o-7", 1)]);
  await get("/audit/v1/events?correlation=o-7&limit=5");
  await get("/audit/v1/events/0198d6f0-0000-7000-8000-00000000ffff", {
    authorization: "Bearer call-gateway",
    "mesh-access-token": "audit",
  });
  const by = (via: string) => ({ subject: "a-1", via, tokenHash: "h".repeat(43) });
  assertEquals(readings, [
    { filters: { correlation: "o-7" }, count: 1, by: by("audit") },
    { filters: { id: "0198d6f0-0000-7000-8000-00000000ffff" }, count: 0, by: by("gateway") },
  ]);
  const unrecorded = await openApp([mesh.event("orders", "o-7", 1)], {
    record: () => Promise.reject(new UnavailableError("Cannot record a reading")),
  });
  assertSame((await unrecorded.get("/audit/v1/events?correlation=o-7")).status, 503);
});

Deno.test("auditors read through the gateway or straight, operators straight, and nobody else at all", async () => {
  const { get, readings } = await openApp([]);
  const status = async (headers: Record<string, string>) =>
    (await get("/audit/v1/events?signer=orders", headers)).status;
  const straight = (token: string) => ({ authorization: `Bearer ${token}` });
  const through = (caller: string, token: string) => ({ ...straight(caller), "mesh-access-token": token });

  assertEquals({
    nobody: await status({}),
    stranger: await status(straight("forged")),
    customer: await status(straight("shop")),
    auditor: await status(straight("audit")),
    operator: await status(straight("operator")),
    service: await status(straight("call-gateway")),
    auditorThroughGateway: await status(through("call-gateway", "audit")),
    operatorThroughGateway: await status(through("call-gateway", "operator")),
    customerThroughGateway: await status(through("call-gateway", "shop")),
    auditorThroughAnother: await status(through("call-orders", "audit")),
    auditorThroughHimself: await status(through("audit", "audit")),
    strangerThroughGateway: await status(through("call-gateway", "forged")),
  }, {
    nobody: 401,
    stranger: 401,
    customer: 403,
    auditor: 200,
    operator: 200,
    service: 401,
    auditorThroughGateway: 200,
    operatorThroughGateway: 403,
    customerThroughGateway: 403,
    auditorThroughAnother: 403,
    auditorThroughHimself: 401,
    strangerThroughGateway: 401,
  });
  assertSame(readings.length, 3);
  const { body, type } = await get("/audit/v1/events?signer=orders", straight("shop"));
  assertEquals([type, body.status], ["application/problem+json", 403]);
  assertSame((await (await openApp([], { accessTokens: undefined as never })).get("/audit/v1/status")).status, 401);
});

Deno.test("a malformed question is a problem that says what is wrong, and is no reading", async () => {
  const { get, readings } = await openApp([]);
  const { status, body } = await get("/audit/v1/events?order=4711");

  assertEquals([status, body.detail], [400, 'Cannot read query: "order" is no order id']);
  assertEquals(readings, []);
});

Deno.test("the status tells what is stored, what failed, and how far behind each feed is", async () => {
  const events = [1, 2, 4].map((n) => mesh.event("orders", "o-8", n, n === 4 ? { prv: "p".repeat(43) } : {}));
  const { get } = await openApp([...events, "no envelope"]);

  assertEquals((await get("/audit/v1/status")).body, {
    entries: 4,
    completeUntil: "2026-01-01T00:00:40.000Z",
    failures: { malformed: 1 },
    gaps: 1,
    forks: 0,
    feeds: [
      { owner: "orders", completeUntil: "2026-01-01T00:00:50.000Z", lagMs: 10_000 },
      { owner: "payments", completeUntil: "2026-01-01T00:00:40.000Z", lagMs: 20_000 },
    ],
  });
});
