import { deepStrictEqual as assertEquals, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson } from "./mod.ts";

const refusal = { code: "contract.invalid", reason: "not-canonical" };

/** RFC 8785 written the slow and obvious way. */
function reference(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(reference).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort((a, b) => compareCodeUnits(a, b));
  return `{${names.map((name) => `${JSON.stringify(name)}:${reference((value as never)[name])}`).join(",")}}`;
}

function compareCodeUnits(a: string, b: string): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const difference = a.charCodeAt(at) - b.charCodeAt(at);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const text = fc.string({ unit: "binary", maxLength: 12 }).filter((value) => value.isWellFormed());
const name = fc.oneof(text, fc.nat(30).map(String)).filter((value) => value !== "__proto__");
const document = fc.letrec((tie) => ({
  leaf: fc.oneof(text, fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(name, tie("value"), { maxKeys: 6 }),
  ),
})).value;

Deno.test("canonicalJson agrees with a plain reference for any document", () => {
  fc.assert(fc.property(document, (value) => strictEqual(canonicalJson(value), reference(value))), { numRuns: 2000 });
});

Deno.test("canonicalJson is its own inverse's inverse: parsing and writing again changes no byte", () => {
  fc.assert(fc.property(document, (value) => {
    const written = canonicalJson(value);
    strictEqual(canonicalJson(JSON.parse(written)), written);
  }));
});

Deno.test("canonicalJson does not depend on the order in which members were added", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.tuple(name, fc.integer()), { selector: ([key]) => key }), (members) => {
    strictEqual(canonicalJson(Object.fromEntries(members)), canonicalJson(Object.fromEntries(members.toReversed())));
  }));
});

Deno.test("canonicalJson sorts by UTF-16 code units, as the example of RFC 8785 3.2.3 does", () => {
  const sorted = { "€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, "ö": 7 };
  assertEquals(Object.keys(JSON.parse(canonicalJson(sorted))), ["1", "\r", "\u0080", "ö", "€", "😀", "\ufb33"]);
});

Deno.test("canonicalJson escapes what RFC 8785 3.2.2.2 says and nothing else", () => {
  strictEqual(canonicalJson('€$\u000f\nA\'B"\\\\"/\u007f\u2028'), '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"');
});

Deno.test("canonicalJson leaves out members that are undefined", () => {
  strictEqual(canonicalJson({ a: undefined, b: 1 }), '{"b":1}');
});

const unwritable: readonly (readonly [string, unknown])[] = [
  ["a float", 1.5],
  ["NaN", NaN],
  ["infinity", Infinity],
  ["an unsafe integer", 2 ** 53],
  ["a bigint", 1n],
  ["undefined in an array", [undefined]],
  ["a hole in an array", new Array(1)],
  ["undefined itself", undefined],
  ["a function", () => 1],
  ["a symbol", Symbol("x")],
  ["a date", new Date(0)],
  ["a map", new Map()],
  ["bytes", new Uint8Array(1)],
  ["a lone high surrogate", "\ud800"],
  ["a lone low surrogate in a name", { "\udc00": 1 }],
  ["a member named __proto__", JSON.parse('{"__proto__":1}')],
];
for (const [what, value] of unwritable) {
  Deno.test(`canonicalJson refuses ${what}`, () => {
    throws(() => canonicalJson({ value }.value), refusal);
  });
}

Deno.test("canonicalJson takes depth and members up to its limits and refuses one more", () => {
  const limits = { depthMax: 3, membersMax: 2 };
  ok(canonicalJson([[{}]], limits));
  ok(canonicalJson({ a: 1, b: 2 }, limits));
  throws(() => canonicalJson([[{ a: [] }]], limits), refusal);
  throws(() => canonicalJson({ a: 1, b: 2, c: 3 }, limits), refusal);
});

Deno.test("canonicalJson refuses a document nested 10,000 deep instead of exhausting the stack", () => {
  throws(() => canonicalJson(JSON.parse("[".repeat(10_000) + "]".repeat(10_000))), refusal);
});
