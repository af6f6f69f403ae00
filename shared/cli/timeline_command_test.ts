import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { type Json, sequentialIds } from "@mesh/base";
import {
  eventClaims,
  type EventFacts,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  signEnvelope,
} from "@mesh/envelope";
import { runMesh } from "./cli_fixture.ts";

const order = "0198d6f0-0000-7000-8000-00000000000a";
const startMs = Date.UTC(2026, 0, 1);
const names = ["orders", "orchestrator", "inventory"] as const;
type Signer = (typeof names)[number];

/** A small flow: an order is placed, the saga asks for stock, it is reserved, the saga is over. */
function openFlow() {
  const keys = new Map(names.map((name) => [name, generateSigningKey(name)]));
  const files = [...keys].map(([name, { publicJwk }]) => keyFile(name, [{ jwk: publicJwk, status: "active" }]));
  const jwks = fixedKeyDirectory(Object.fromEntries(files.map(({ name, text }) => [name, text]))).jwks();
  const ids = sequentialIds();
  const event = (
    service: Signer,
    [type, key, data]: readonly [string, string, Json],
    more: Partial<EventFacts> & { readonly atMs?: number; readonly signedBy?: Signer } = {},
  ) => {
    const { atMs = 0, signedBy = service, ...facts } = more;
    const claims = eventClaims({
      message: { kind: "event", type: `${service}.${type}`, version: 1, key, data },
      id: ids.next(),
      service,
      correlation: order,
      causation: null,
      cause: { subject: "mina", via: "gateway" },
      nowMs: startMs,
      n: 1,
      prv: null,
      re: [],
      ...facts,
    });
    const { token } = signEnvelope(claims, { ...keys.get(signedBy)!.key, service });
    return {
      id: claims.jti,
      recordedAt: new Date(startMs + atMs).toISOString(),
      envelope: token,
      verification: { verified: true, kid: "k" },
      chain: "ok" as string | null,
    };
  };
  return { jwks, event, ids };
}

const turn = (phase: string, input: Json, asked: Json = []): Json => ({
  saga: "place-order",
  version: 1,
  correlation: order,
  atMs: startMs,
  input,
  asked,
  phase,
  step: null,
  deadlineMs: null,
  needsAttention: false,
});

function wholeFlow() {
  const flow = openFlow();
  const { event, ids } = flow;
  const command = ids.next();
  const placed = event("orders", ["order-placed", order, { orderId: order, totalMinor: 1290 }]);
  const began = event("orchestrator", [
    "saga-advanced",
    `place-order/${order}`,
    turn("running", { kind: "started", id: placed.id, type: "orders.order-placed" }, [
      { id: command, type: "inventory.reserve-stock", step: "reserveStock", line: 0, attempt: 1, direction: "do" },
    ]),
  ], { causation: placed.id, atMs: 20 });
  // Its clock is behind: by time alone the answer would come before the question.
  const reserved = event("inventory", ["stock-reserved", "TEA-0001", { sku: "TEA-0001", units: 2, orderId: order }], {
    causation: command,
    re: [command],
    atMs: 10,
  });
  const ended = event("orchestrator", [
    "saga-advanced",
    `place-order/${order}`,
    turn("completed", { kind: "answer", id: reserved.id, type: "inventory.stock-reserved", re: [command] }),
  ], { causation: reserved.id, n: 2, prv: "p".repeat(43), atMs: 30 });
  return { ...flow, items: [placed, reserved, began, ended] };
}

const run = (
  { jwks, items }: { readonly jwks: unknown; readonly items: readonly unknown[] },
  args = "",
  services = ["audit"],
) =>
  runMesh(`order timeline ${order} ${args}`, {
    "GET audit/audit/v1/events": { items, next: null, completeUntil: "2026-01-01T00:01:00.000Z" },
    "GET gateway/keys": jwks,
  }, { services });

Deno.test("order timeline tells the flow in the order of causes, steps by their names, every signature checked", async () => {
  const { code, out, err, asked } = await run(wholeFlow());

  assertSame(err, "");
  assertSame(code, 0);
  assertEquals(out.split("\n").map((line) => line.replace(/\s+/g, " ").replace(/ ([✔✘]) [\w-]{8}$/, " $1")), [
    `order ${order}: 4 events from 2026-01-01 00:00:00Z, within 30 ms`,
    "on behalf of mina via gateway",
    "",
    "TIME AFTER SERVICE WHAT ANSWERS SIGNATURE",
    "00:00:00.000 +0 ms orders order-placed totalMinor=1290 ✔",
    "00:00:00.020 +20 ms orchestrator place-order begins with orders.order-placed → reserveStock: asks " +
    "inventory.reserve-stock ✔",
    "00:00:00.010 +10 ms inventory stock-reserved sku=TEA-0001 units=2 reserveStock ✔",
    "00:00:00.030 +30 ms orchestrator place-order hears inventory.stock-reserved → completed ✔",
    "",
    "✔ 4 of 4 signatures verified here, by 3 keys of http://gateway/keys",
    "Nothing that was recorded before 2026-01-01 00:01:00Z is missing",
  ]);
  assertEquals(asked, [`GET audit/audit/v1/events?correlation=${order}&limit=200`, "GET gateway/keys"]);
});

Deno.test("order timeline as JSON has every event with its verdict", async () => {
  const { out } = await run(wholeFlow(), "--json");
  const { order: id, events, unsound, completeUntil } = JSON.parse(out);

  assertEquals([id, unsound, completeUntil], [order, 0, "2026-01-01T00:01:00.000Z"]);
  assertEquals(events.map(({ type, verified, chain }: Record<string, unknown>) => [type, verified, chain]), [
    ["orders.order-placed", true, "ok"],
    ["orchestrator.saga-advanced", true, "ok"],
    ["inventory.stock-reserved", true, "ok"],
    ["orchestrator.saga-advanced", true, "ok"],
  ]);
  assertEquals(events[2].data, { sku: "TEA-0001", units: 2, orderId: order });
});

Deno.test("order timeline ends with 1 for an altered envelope, even where the audit found nothing", async () => {
  const { jwks, items } = wholeFlow();
  const [first, ...rest] = items as [{ envelope: string }, ...unknown[]];
  const [header, , signature] = first.envelope.split(".");
  const other = wholeFlow().items[1]!.envelope.split(".")[1];
  const { code, out, err } = await run({
    jwks,
    items: [{ ...first, envelope: `${header}.${other}.${signature}` }, ...rest],
  });

  assertSame(code, 1);
  assertSame(err, "Cannot vouch for 1 of 4 events");
  assertMatch(out, /✘ [\w-]{8} signature verification failed/);
  assertMatch(out, /✘ 3 of 4 signatures verified here/);
});

Deno.test("order timeline distrusts a good signature by the key of another service", async () => {
  const { jwks, event } = openFlow();
  const { code, out } = await run({
    jwks,
    items: [event("orders", ["order-confirmed", order, {}], { signedBy: "inventory" })],
  });

  assertSame(code, 1);
  assertMatch(out, /✘ [\w-]{8} signer-not-owner/);
});

Deno.test("order timeline shows what the audit found: a doubt, a gap, a fork", async () => {
  const { jwks, event } = openFlow();
  const placed = event("orders", ["order-placed", order, {}]);
  const { code, out } = await run({
    jwks,
    items: [
      { ...placed, verification: { verified: false, reason: "id-reused" }, chain: null },
      { ...event("inventory", ["stock-reserved", "TEA-0001", {}], { atMs: 5 }), chain: "gap" },
      { ...event("inventory", ["stock-reserved", "TEA-0002", {}], { atMs: 6 }), chain: "fork" },
      { ...placed, recordedAt: "2026-01-01T00:00:01.000Z", envelope: "no envelope \u001b[31m" },
    ],
  });

  assertSame(code, 1);
  assertMatch(out, /✘ [\w-]{8} audit: id-reused/);
  assertMatch(out, /✘ [\w-]{8} gap in its stream/);
  assertMatch(out, /✘ [\w-]{8} fork in its stream/);
  assertMatch(out, /\? +\(cannot be read\)/);
  assertSame(out.includes("\u001b"), false);
});

Deno.test("order timeline names on whose behalf each event happened where that differs", async () => {
  const { jwks, event } = openFlow();
  const { out } = await run({
    jwks,
    items: [
      event("orders", ["order-placed", order, {}]),
      event("orders", ["cancellation-requested", order, {}], {
        cause: { subject: "0198d6f0-0000-7000-8000-0000deadbeef", via: "gateway" },
        n: 2,
        prv: "p".repeat(43),
        atMs: 5,
      }),
    ],
  });

  assertMatch(out, /ON BEHALF OF/);
  assertMatch(out, /mina via gateway/);
  assertMatch(out, /…deadbeef via gateway/);
});

Deno.test("order timeline reads page after page", async () => {
  const { jwks, items } = wholeFlow();
  const { code, asked } = await runMesh(`order timeline ${order}`, {
    "GET audit/audit/v1/events": ({ line }: { line: string }) =>
      line.includes("cursor=c-1")
        ? { items: items.slice(2), next: null, completeUntil: null }
        : { items: items.slice(0, 2), next: "c-1", completeUntil: null },
    "GET gateway/keys": jwks,
  }, { services: ["audit"] });

  assertSame(code, 0);
  assertSame(asked.filter((line) => line.includes("/events?")).length, 2);
});

Deno.test("order timeline ends with 3 for an unknown order, with 5 without the audit or the keys", async () => {
  const none = await run({ jwks: { keys: [] }, items: [] });
  assertEquals([none.code, none.err], [3, `Cannot tell of order "${order}": nothing is known`]);

  assertSame((await runMesh(`order timeline ${order}`, { "GET audit": undefined }, { services: ["audit"] })).code, 5);
  assertSame((await run({ ...wholeFlow(), jwks: 503 })).code, 5);
  assertSame((await runMesh(`order timeline ${order}`, { "GET audit": 403 }, { services: ["audit"] })).code, 4);
});
