import { Buffer } from "node:buffer";
import { deepStrictEqual as assertEquals, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { MeshError } from "@mesh/base";
import type { MessageKind } from "@mesh/contract";
import { canonicalJson } from "./canonical.ts";
import { findClaimFault } from "./claim_rules.ts";
import type { EnvelopeClaims } from "./envelope.ts";
import { canonicalJson as publicCanonicalJson, type CanonicalLimits, signEnvelope, verifyEnvelope } from "./mod.ts";
import { referenceCanonicalJson, referenceClaimsHold, referenceFault } from "./reference_fixture.ts";
import { claimLimits } from "./sign.ts";
import { asAuditor, commandFixture, eventFixture, headerText, idOf, keys, signedRaw } from "./test_world.ts";

/** Holds the fast code to the slow and obvious one, on what is good, nearly good, and hostile. */

const names = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "toJSON",
    "constructor",
    "length",
    "0",
    "9",
    "10",
    "01",
    "-1",
    "4294967295",
    "€",
    "😀",
    "",
  ),
  fc.nat(30).map(String),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const leaves = fc.oneof(
  fc.constantFrom<unknown>(
    -0,
    1e21,
    0.5,
    NaN,
    2 ** 53,
    2 ** 53 - 1,
    null,
    true,
    undefined,
    "\\ud800",
    "\ud800",
    "\udc00x",
  ),
  fc.constantFrom<unknown>("\ufeff", "\u2028", '"', "\\", "\u0000", "\u007f", "장터", 1n, Symbol("x"), new Date(0)),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.maxSafeInteger(),
);
const documents = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    { arbitrary: leaves, weight: 2 },
    { arbitrary: fc.array(tie("value"), { maxLength: 4 }), weight: 1 },
    { arbitrary: fc.array(fc.tuple(names, tie("value")), { maxLength: 6 }).map(objectFrom), weight: 3 },
  ),
})).value;
const limits = fc.record({ depthMax: fc.integer({ min: 1, max: 6 }), membersMax: fc.integer({ min: 0, max: 6 }) });

/** Unlike `Object.fromEntries` in no way but that a later member of the same name keeps its place. */
function objectFrom(members: readonly (readonly [string, unknown])[]): unknown {
  const made = {};
  for (const [name, value] of members) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}

function canonicalOrNothing(value: unknown, limits: CanonicalLimits): string | undefined {
  try {
    return canonicalJson(value, limits);
  } catch (error) {
    ok(error instanceof MeshError && error.reason === "not-canonical", String(error));
    return undefined;
  }
}

Deno.test("canonicalJson writes and refuses what the reference does, for any value and any limits", () => {
  fc.assert(
    fc.property(documents, limits, (value, limits) => {
      strictEqual(canonicalOrNothing(value, limits), referenceCanonicalJson(value, limits));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("canonicalJson asks no toJSON, wherever it comes from", () => {
  const hidden = (on: object) => Object.defineProperty(on, "toJSON", { value: () => 0.5, enumerable: false });
  strictEqual(publicCanonicalJson({ b: hidden([1]), a: hidden({ c: 2 }) }), '{"a":{"c":2},"b":[1]}');
});

Deno.test("canonicalJson does not change what it writes", () => {
  fc.assert(fc.property(documents, (value) => {
    const before = structure(value);
    canonicalOrNothing(value, claimLimits);
    assertEquals(structure(value), before);
  }));
});

/** @returns The value's members in their order, which a comparison of objects would ignore. */
function structure(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.entries(value).map(([name, member]) => [name, structure(member)]);
}

const good: Readonly<Record<MessageKind, EnvelopeClaims>> = {
  command: { ...commandFixture, undoes: [idOf(7), idOf(8)] },
  event: { ...eventFixture, act: { sub: "장터", tok: "A".repeat(43), via: "gateway" }, n: 2, prv: "b".repeat(43) },
};
const kinds = fc.constantFrom<MessageKind>("command", "event");
const signers = { command: keys.orchestrator, event: keys.inventory };

const claimNames = fc.constantFrom(...Object.keys({ ...good.command, ...good.event }), "admin", "att", "__proto__");
const claimValues = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    0,
    1,
    2,
    -1,
    1.5,
    "",
    "mesh",
    "inventory",
    "orchestrator",
    [],
    ["mesh"],
    {},
  ),
  fc.constantFrom<unknown>(...Object.values(good.command), ...Object.values(good.event)),
  fc.constantFrom<unknown>(
    idOf(3),
    idOf(3).toUpperCase(),
    [idOf(1), idOf(1)],
    [idOf(1), 2],
    "inventory/a b",
    "inventory-2/a",
  ),
  fc.constantFrom<unknown>({ rk: "a", x: "b", y: "c" }, { rk: "a" }, { sub: "a", via: "b", tok: "c" }, { sub: "a" }),
  fc.constantFrom<unknown>(
    "inventory.reserve-stock#10",
    "inventory.reserve-stock#0",
    "inventory.reserve-stock-1",
    "x".repeat(256),
  ),
);
const claimChanges = fc.array(fc.tuple(claimNames, claimValues, fc.boolean()), { maxLength: 3 });

Deno.test("findClaimFault finds a fault exactly where the reference finds one", () => {
  fc.assert(
    fc.property(kinds, claimChanges, (kind, changes) => {
      const claims: Record<string, unknown> = { ...good[kind] };
      for (const [name, value, isRemoved] of changes) {
        if (isRemoved) delete claims[name];
        else claims[name] = value;
      }
      strictEqual(findClaimFault(claims, kind) === undefined, referenceClaimsHold(claims, kind));
    }),
    { numRuns: 20_000 },
  );
});

const insertions = fc.oneof(
  fc.constantFrom(
    '"10":1,"9":2,',
    '"1":1,"2":2,',
    '"__proto__":1,',
    '"aud":["mesh"],',
    "-0",
    "1e21",
    "2.0",
    "00",
    " ",
    "\n",
  ),
  fc.constantFrom(
    "\ufeff",
    "\\ud800",
    "\\u0041",
    "\\/",
    "\\\\ud800",
    "é",
    "장터",
    "😀",
    "\u2028",
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
  ),
  fc.constantFrom(
    "[".repeat(8) + "]".repeat(8) + ",",
    "{",
    `"x":${"[".repeat(9)}${"]".repeat(9)},`,
    "null",
    "9007199254740993",
  ),
).map((text) => Buffer.from(text));
const overlong = fc.constantFrom([0xc0, 0xaf], [0xff], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0x80], [
  0xf4,
  0x90,
  0x80,
  0x80,
]);
const byteChanges = fc.array(
  fc.record({
    at: fc.nat(1000),
    cut: fc.nat(2),
    put: fc.oneof(insertions, overlong.map((bytes) => Buffer.from(bytes)), fc.constant(Buffer.alloc(0))),
  }),
  { maxLength: 2 },
);

/** @returns The first fault of form or claims as the fast code sees it; later steps are not this test's. */
function faultOf(token: string): string | undefined {
  try {
    verifyEnvelope(token, asAuditor);
    return undefined;
  } catch (error) {
    ok(error instanceof MeshError, String(error));
    return ["malformed", "not-canonical", "bad-claims"].includes(error.reason) ? error.reason : undefined;
  }
}

Deno.test("verifyEnvelope refuses a signed payload exactly where and as the reference does, byte by byte", () => {
  fc.assert(
    fc.property(kinds, byteChanges, (kind, changes) => {
      let payload = Buffer.from(canonicalJson(good[kind], claimLimits));
      for (const { at, cut, put } of changes) {
        const start = at % (payload.length + 1);
        payload = Buffer.concat([payload.subarray(0, start), put, payload.subarray(start + cut)]);
      }
      const token = signedRaw(headerText(signers[kind], kind), payload, signers[kind]);
      strictEqual(faultOf(token), payload.length === 0 ? "malformed" : referenceFault(payload, kind, claimLimits));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("verifyEnvelope refuses a signed payload of any data exactly where the reference does", () => {
  const spelled = documents.map((dat) => JSON.stringify({ ...good.command, dat: orNull(dat) }));
  fc.assert(
    fc.property(fc.oneof(spelled, spelled.map(reorderedMembers)), (text) => {
      const token = signedRaw(headerText(signers.command, "command"), text, signers.command);
      strictEqual(faultOf(token), referenceFault(Buffer.from(text), "command", claimLimits));
    }),
    { numRuns: 2000 },
  );
});

function orNull(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    return null;
  }
}

/** @returns The text in canonical form where it has one, so that good data are met as well. */
function reorderedMembers(text: string): string {
  return referenceCanonicalJson(JSON.parse(text), claimLimits) ?? text;
}

Deno.test("verifyEnvelope takes data whose names are numbers in canonical order, which no object keeps", () => {
  const dat = { 10: 1, 9: 2, "-1": 3, sku: "TEA-0001" };
  const { token } = signEnvelope({ ...commandFixture, dat }, keys.orchestrator);
  ok(
    Buffer.from(token.split(".")[1]!, "base64url").toString().includes('"dat":{"-1":3,"10":1,"9":2,"sku":"TEA-0001"}'),
  );
  assertEquals(verifyEnvelope(token, asAuditor).claims.dat, dat);
});

Deno.test("signEnvelope signs what verifies and refuses what would not, for any data", () => {
  fc.assert(
    fc.property(documents, (dat) => {
      const written = referenceCanonicalJson({ ...commandFixture, dat }, claimLimits);
      const isGood = written !== undefined && dat !== undefined;
      try {
        const { token } = signEnvelope({ ...commandFixture, dat } as EnvelopeClaims, keys.orchestrator);
        ok(isGood);
        strictEqual(Buffer.from(token.split(".")[1]!, "base64url").toString(), written);
        strictEqual(verifyEnvelope(Buffer.from(token), asAuditor).token, token);
      } catch (error) {
        ok(!isGood && error instanceof MeshError && /not-canonical|bad-claims/.test(error.reason), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
