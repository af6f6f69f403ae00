import { Buffer } from "node:buffer";
import { deepStrictEqual as assertEquals, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Json, TrustError, UnavailableError } from "@mesh/base";
import {
  envelopeBytesMax,
  fixedKeyDirectory,
  type KeyDirectory,
  signEnvelope,
  verifyEnvelope,
  verifyWithRefresh,
} from "./mod.ts";
import { hostileCases } from "./hostile/corpus.ts";
import {
  asAuditor,
  asInventory,
  asOrchestrator,
  commandFixture,
  deliveryOf,
  eventFixture,
  idOf,
  keyFiles,
  keys,
} from "./test_world.ts";

const goodCommand = signEnvelope(commandFixture, keys.orchestrator);
const goodEvent = signEnvelope(eventFixture, keys.inventory);

Deno.test("verifyEnvelope proves a good command and hands out its parts", () => {
  const envelope = verifyEnvelope(goodCommand.token, asInventory, deliveryOf(commandFixture));
  const { kind, claims, token, hash, kid, type, version, key, data } = envelope;
  assertEquals({ kind, claims, token, hash, kid, type, version, key, data }, {
    kind: "command",
    claims: commandFixture,
    ...goodCommand,
    kid: keys.orchestrator.kid,
    type: "inventory.reserve-stock",
    version: 1,
    key: "TEA-0001",
    data: { sku: "TEA-0001", units: 2 },
  });
});

Deno.test("verifyEnvelope proves a good event, as bytes too", () => {
  const padded = Buffer.from(`xx${goodEvent.token}yy`).subarray(2, -2);
  const envelope = verifyEnvelope(padded, asOrchestrator, deliveryOf(eventFixture));
  assertEquals([envelope.kind, envelope.claims.re], ["event", [idOf(1)]]);
});

Deno.test("verifyEnvelope takes an envelope that came back to its receiver through the default exchange", () => {
  const delivery = { ...deliveryOf(commandFixture), userId: "inventory", exchange: "" };
  strictEqual(verifyEnvelope(goodCommand.token, asInventory, delivery).hash, goodCommand.hash);
});

Deno.test("verifyEnvelope lets the auditor take every event and command without a schema", () => {
  assertEquals(verifyEnvelope(goodEvent.token, asAuditor).data, eventFixture.dat);
  strictEqual(verifyEnvelope(goodCommand.token, asAuditor).kind, "command");
});

Deno.test("verifyEnvelope drops unknown fields of the data and keeps the claims as they came", () => {
  const dat = { sku: "TEA-0001", units: 2, addedLater: true };
  const { token } = signEnvelope({ ...commandFixture, dat }, keys.orchestrator);
  const envelope = verifyEnvelope(token, asInventory);
  assertEquals([envelope.data, envelope.claims.dat], [{ sku: "TEA-0001", units: 2 }, dat]);
});

Deno.test("verifyEnvelope judges no clock: an expired command and a future iat pass", () => {
  const claims = { ...commandFixture, exp: 1, iat: 4_000_000_000 };
  strictEqual(verifyEnvelope(signEnvelope(claims, keys.orchestrator).token, asInventory).claims.exp, 1);
});

Deno.test("verifyEnvelope takes a retired key's envelope only where its age is proven", () => {
  const { token, hash } = signEnvelope(commandFixture, keys.retiredOrchestrator);
  const known = (wanted: string) => ({ ...asInventory, wasSignedInTime: (it: { hash: string }) => it.hash === wanted });
  strictEqual(verifyEnvelope(token, known(hash)).kid, keys.retiredOrchestrator.kid);
  throws(() => verifyEnvelope(token, known("other")), { reason: "key-retired" });
});

Deno.test("verifyEnvelope takes data of the largest depth that can be signed", () => {
  const nested = (depth: number): Json => depth === 0 ? 1 : [nested(depth - 1)];
  const { token } = signEnvelope({ ...commandFixture, dat: nested(8) }, keys.orchestrator);
  strictEqual(verifyEnvelope(token, asAuditor).token, token);
});

Deno.test("verifyEnvelope takes the largest envelope that can be signed", () => {
  const withNote = (length: number) => {
    const dat = { sku: "TEA-0001", units: 2, note: "x".repeat(length) };
    return signEnvelope({ ...commandFixture, dat }, keys.orchestrator).token;
  };
  let length = 35_000;
  // The longest place in a batch takes 441 characters more than a signature.
  while (withNote(length + 1).length <= envelopeBytesMax - 443) length += 1;
  ok(verifyEnvelope(withNote(length), asInventory).token.length > envelopeBytesMax - 445);
  throws(() => withNote(length + 3), { code: "contract.invalid", reason: "oversized" });
});

for (const { name, reason, token, verifier = asInventory, delivery } of hostileCases) {
  Deno.test(`verifyEnvelope refuses ${name} as ${reason}`, () => {
    throws(() => verifyEnvelope(token, verifier, delivery), { reason });
  });
}

Deno.test("the hostile corpus has at least sixty cases, no two of one name", () => {
  ok(hostileCases.length >= 60);
  strictEqual(new Set(hostileCases.map(({ name }) => name)).size, hostileCases.length);
});

Deno.test("verifyEnvelope is not misled by a key directory that verifies an envelope of its own in between", () => {
  const keys: KeyDirectory = {
    ...asInventory.keys,
    find: (kid) => {
      strictEqual(verifyEnvelope(goodEvent.token, asOrchestrator).hash, goodEvent.hash);
      return asInventory.keys.find(kid);
    },
  };
  for (const body of [goodCommand.token, Buffer.from(goodCommand.token)]) {
    const { claims, hash } = verifyEnvelope(body, { ...asInventory, keys });
    assertEquals([claims, hash], [commandFixture, goodCommand.hash]);
  }
});

Deno.test("verifyEnvelope never quotes the token in a refusal", () => {
  for (const { token, verifier = asInventory, delivery } of hostileCases) {
    try {
      verifyEnvelope(token, verifier, delivery);
    } catch (error) {
      const part = String(token).split(".")[1] ?? "";
      ok(error instanceof Error && (part.length < 20 || !error.message.includes(part.slice(0, 20))));
    }
  }
});

Deno.test("verifyEnvelope refuses a good envelope with any one byte changed", () => {
  const bytes = Buffer.from(goodCommand.token);
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
    throws(() => verifyEnvelope(changed, asInventory), { code: "envelope.untrusted" }, `byte ${at}`);
  }
});

Deno.test("verifyEnvelope refuses a good envelope with any bytes changed, cut, added or swapped", () => {
  const bytes = Buffer.from(goodEvent.token);
  const change = fc.record({
    at: fc.nat(bytes.length),
    cut: fc.nat(3),
    put: fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.constant(new Uint8Array())),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let changed = bytes;
      for (const { at, cut, put } of changes) {
        changed = Buffer.concat([changed.subarray(0, at), put, changed.subarray(at + cut)]);
      }
      fc.pre(!changed.equals(bytes));
      throws(() => verifyEnvelope(changed, asOrchestrator), { code: "envelope.untrusted" });
    }),
    { numRuns: 1000 },
  );
});

Deno.test("verifyEnvelope throws a TrustError, never anything else, for any bytes", () => {
  fc.assert(fc.property(fc.oneof(fc.uint8Array(), fc.string()), (body) => {
    throws(() => verifyEnvelope(body, asInventory), TrustError);
  }));
});

/** A directory that learns inventory's and orchestrator's keys when it is refreshed. */
function lateDirectory(outcome: "learns" | "too-soon" | "away"): KeyDirectory & { readonly asked: () => number } {
  let asked = 0;
  const full = fixedKeyDirectory(keyFiles());
  let current = fixedKeyDirectory({});
  return {
    find: (kid) => current.find(kid),
    jwks: () => current.jwks(),
    refresh: () => {
      asked += 1;
      if (outcome === "away") return Promise.reject(new UnavailableError("Cannot refresh keys: away"));
      if (outcome === "learns") current = full;
      return Promise.resolve(outcome === "learns");
    },
    asked: () => asked,
  };
}

Deno.test("verifyWithRefresh reads the directory once when a key is unknown, and then proves the envelope", async () => {
  const directory = lateDirectory("learns");
  const envelope = await verifyWithRefresh(goodCommand.token, { ...asInventory, keys: directory });
  assertEquals([envelope.hash, directory.asked()], [goodCommand.hash, 1]);
});

Deno.test("verifyWithRefresh refuses at once when the directory was read a moment ago", async () => {
  const directory = lateDirectory("too-soon");
  await rejects(verifyWithRefresh(goodCommand.token, { ...asInventory, keys: directory }), { reason: "unknown-key" });
  strictEqual(directory.asked(), 1);
});

Deno.test("verifyWithRefresh says that nobody can tell now when the directory is away", async () => {
  const directory = lateDirectory("away");
  await rejects(verifyWithRefresh(goodCommand.token, { ...asInventory, keys: directory }), {
    code: "dependency.unavailable",
  });
});

Deno.test("verifyWithRefresh asks nobody about an envelope that is wrong for another reason", async () => {
  const directory = lateDirectory("learns");
  await rejects(verifyWithRefresh("a.b.c", { ...asInventory, keys: directory }), { reason: "malformed" });
  strictEqual(directory.asked(), 0);
});
