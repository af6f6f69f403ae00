import { deepStrictEqual as assertEquals, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { sha256 } from "@mesh/base";
import { destinationOf } from "@mesh/contract";
import { causeOf, commandClaims, eventClaims, signEnvelope, toCloudEvent, verifyEnvelope } from "./mod.ts";
import {
  asAuditor,
  asInventory,
  asOrchestrator,
  commandFixture,
  eventFixture,
  idOf,
  keys,
  orderId,
  ReserveStock,
  StockReserved,
} from "./test_world.ts";

const sku = fc.stringMatching(/^[A-Z]{3}-[0-9]{4}$/);
const correlation = fc.stringMatching(/^[^\s\ud800-\udfff]{1,60}$/);
const nowMs = fc.integer({ min: 0, max: 4_000_000_000_000 });

Deno.test("any command is what it was after signing and verifying", () => {
  fc.assert(fc.property(sku, fc.integer({ min: 1 }), correlation, nowMs, (sku, units, correlation, nowMs) => {
    const message = ReserveStock({ sku, units });
    const facts = { message, id: idOf(1), service: "orchestrator", correlation, causation: idOf(2), nowMs };
    const { token, hash } = signEnvelope(commandClaims(facts), keys.orchestrator);
    const envelope = verifyEnvelope(token, asInventory);
    assertEquals(envelope.claims, commandClaims(facts));
    assertEquals([envelope.data, envelope.key, envelope.hash], [message.data, sku, hash]);
    strictEqual(hash, sha256(`\0${token.slice(0, token.lastIndexOf("."))}`));
  }));
});

Deno.test("any event is what it was after signing and verifying", () => {
  const stream = fc.integer({ min: 1, max: 1_000_000 }).map((n) => ({ n, prv: n === 1 ? null : sha256(String(n)) }));
  const re = fc.uniqueArray(fc.nat(1_000_000).map(idOf), { maxLength: 5 });
  fc.assert(fc.property(sku, stream, re, correlation, nowMs, (sku, stream, re, correlation, nowMs) => {
    const message = StockReserved({ sku, units: 1 });
    const facts = { message, id: idOf(1), service: "inventory", correlation, causation: null, nowMs, ...stream, re };
    const { claims } = verifyEnvelope(signEnvelope(eventClaims(facts), keys.inventory).token, asOrchestrator);
    assertEquals(claims, eventClaims(facts));
    assertEquals([claims.n, claims.prv, claims.re ?? []], [stream.n, stream.prv, re]);
  }));
});

Deno.test("signing the same claims twice gives the same bytes", () => {
  assertEquals(signEnvelope(commandFixture, keys.orchestrator), signEnvelope(commandFixture, keys.orchestrator));
});

Deno.test("a command is addressed to the owner of its type and to the slot of its key", () => {
  const { aud, sub, dst } = commandFixture;
  const { exchange, routingKey } = destinationOf({
    kind: "command",
    type: "inventory.reserve-stock",
    version: 1,
    key: "TEA-0001",
    correlation: orderId,
  });
  assertEquals({ aud, sub, dst }, {
    aud: ["inventory"],
    sub: "inventory/TEA-0001",
    dst: { x: exchange, rk: routingKey },
  });
});

Deno.test("an expiry is rounded up to whole seconds, so that it never comes early", () => {
  strictEqual(commandFixture.exp, 1_767_226_201);
});

Deno.test("claims leave out what was not given: expiry, undone commands, answers, cause", () => {
  const facts = { id: idOf(1), correlation: orderId, causation: null, nowMs: 0 };
  const message = { ...ReserveStock({ sku: "TEA-0001", units: 1 }), undoes: [] };
  const common = ["aud", "cau", "cor", "dat", "dst", "evt", "iat", "iss", "jti", "sch", "sub", "v"];
  assertEquals(Object.keys(commandClaims({ ...facts, message, service: "orchestrator" })).sort(), common);
  const event = { ...facts, message: StockReserved({ sku: "TEA-0001", units: 1 }), service: "inventory" };
  const claims = eventClaims({ ...event, n: 1, prv: null, re: [] });
  assertEquals(Object.keys(claims).sort(), [...common, "n", "prv"].sort());
});

Deno.test("causeOf reads back who caused a message", () => {
  const cause = { subject: "01900000-0000-7000-8000-00000000c0de", via: "gateway", tokenHash: sha256("token") };
  const facts = { id: idOf(1), service: "orchestrator", correlation: orderId, causation: null, nowMs: 0 };
  const message = ReserveStock({ sku: "TEA-0001", units: 1 });
  const claims = commandClaims({ ...facts, message, cause });
  verifyEnvelope(signEnvelope(claims, keys.orchestrator).token, asInventory);
  assertEquals(causeOf(claims), cause);
  assertEquals(causeOf(commandFixture), { subject: cause.subject, via: "gateway" });
  assertEquals(causeOf(eventFixture), undefined);
});

Deno.test("signEnvelope refuses another service's name: that is a defect, not a message", () => {
  throws(() => signEnvelope(commandFixture, keys.orders), { code: "defect" });
});

Deno.test("signEnvelope refuses claims that no receiver would take", () => {
  throws(() => signEnvelope({ ...commandFixture, sub: "inventory/TEA 0001" }, keys.orchestrator), {
    code: "contract.invalid",
    reason: "bad-claims",
  });
  throws(() => signEnvelope({ ...commandFixture, dat: { units: 0.5 } }, keys.orchestrator), {
    reason: "not-canonical",
  });
});

Deno.test("toCloudEvent renames the claims and carries the proof", () => {
  const { token } = signEnvelope(eventFixture, keys.inventory);
  assertEquals(toCloudEvent(verifyEnvelope(token, asAuditor)), {
    specversion: "1.0",
    id: idOf(2),
    source: "mesh:inventory",
    subject: "inventory/TEA-0001",
    type: "inventory.stock-reserved",
    time: "2026-01-01T00:00:01.000Z",
    dataschema: "mesh:inventory.stock-reserved#1",
    datacontenttype: "application/json",
    data: { sku: "TEA-0001", units: 2 },
    correlationid: orderId,
    causationid: idOf(1),
    streamversion: 1,
    jws: token,
  });
  ok(
    !("streamversion" in
      toCloudEvent(verifyEnvelope(signEnvelope(commandFixture, keys.orchestrator).token, asAuditor))),
  );
});
