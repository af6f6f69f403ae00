import { deepStrictEqual as assertEquals, strictEqual, throws } from "node:assert/strict";
import { z } from "zod";
import { compareLock, type ContractLock, defineCommand, defineEvent, extendLock, lockOf, renderLock } from "./mod.ts";

const Line = z.object({ sku: z.string(), units: z.int().min(1) });
const Placed = z.object({ orderId: z.uuid(), lines: z.array(Line).min(1).max(100), note: z.string().optional() });

function lockWith(schema: z.ZodType, version = 1): ContractLock {
  return lockOf([defineEvent("orders.order-placed", { version, schema, key: () => "k" })]);
}

/** @returns What the comparison says about the one contract; `undefined` when nothing. */
function verdict(before: z.ZodType, after: z.ZodType) {
  return compareLock(lockWith(before), lockWith(after))[0]?.verdict;
}

Deno.test("a lock file compares as unchanged with the contracts it was written from", () => {
  assertEquals(compareLock(JSON.parse(renderLock(lockWith(Placed))), lockWith(Placed)), []);
});

Deno.test("the order of fields, of contracts and of required names does not matter", () => {
  const a = z.object({ x: z.string(), y: z.int() });
  const b = z.object({ y: z.int(), x: z.string() });
  strictEqual(renderLock(lockWith(a)), renderLock(lockWith(b)));
  const options = { version: 1, schema: a, key: () => "k" };
  const [first, second] = [defineEvent("orders.a", options), defineCommand("orders.b", options)];
  strictEqual(renderLock(lockOf([first, second])), renderLock(lockOf([second, first])));
});

const changes: readonly (readonly [string, z.ZodType])[] = [
  ["a field of another type", Placed.extend({ orderId: z.int() })],
  ["a field that is gone", Placed.omit({ note: true })],
  ["a required field more", Placed.extend({ currency: z.string() })],
  ["an optional field that became required", Placed.extend({ note: z.string() })],
  ["a required field that became optional", Placed.extend({ orderId: z.uuid().optional() })],
  ["a narrower bound", Placed.extend({ lines: z.array(Line).min(1).max(50) })],
  ["a wider bound", Placed.extend({ lines: z.array(Line).min(1).max(500) })],
  [
    "a nested field of another type",
    Placed.extend({ lines: z.array(Line.extend({ units: z.string() })).min(1).max(100) }),
  ],
  ["a nested required field", Placed.extend({ lines: z.array(Line.extend({ x: z.int() })).min(1).max(100) })],
  ["a refusal of further fields", Placed.strict()],
];
for (const [what, after] of changes) {
  Deno.test(`${what} is a change of the published version`, () => strictEqual(verdict(Placed, after), "changed"));
}

Deno.test("another kind under the same name is a change", () => {
  const command = defineCommand("orders.order-placed", { version: 1, schema: Placed, key: () => "k" });
  assertEquals(compareLock(lockWith(Placed), lockOf([command])), [{
    name: "orders.order-placed#1",
    verdict: "changed",
  }]);
});

Deno.test("a further value of an enumeration is a change", () => {
  const reasons = (...values: string[]) => z.object({ reason: z.enum(values) });
  strictEqual(verdict(reasons("a", "b"), reasons("a", "b", "c")), "changed");
});

Deno.test("a further variant of a union is a change, a further optional field of a variant is not", () => {
  const a = z.object({ result: z.literal("a") });
  const b = z.object({ result: z.literal("b") });
  strictEqual(verdict(z.union([a]), z.union([a, b])), "changed");
  strictEqual(verdict(z.union([a, b]), z.union([a, b.extend({ why: z.string().optional() })])), "extended");
});

Deno.test("a further optional field extends a version, at any depth", () => {
  strictEqual(verdict(Placed, Placed.extend({ coupon: z.string().optional() })), "extended");
  const Wider = Line.extend({ warehouse: z.string().optional() });
  strictEqual(verdict(Placed, Placed.extend({ lines: z.array(Wider).min(1).max(100) })), "extended");
});

Deno.test("a further optional field is a change where older readers refuse what they do not know", () => {
  strictEqual(verdict(Placed.strict(), Placed.strict().extend({ coupon: z.string().optional() })), "changed");
});

Deno.test("a field called like a keyword is compared as a field", () => {
  const before = z.object({ properties: z.object({ a: z.string() }), required: z.string() });
  strictEqual(verdict(before, before.extend({ default: z.string().optional() })), "extended");
  strictEqual(verdict(before, before.extend({ required: z.int() })), "changed");
});

Deno.test("a new version is added, a version that is gone is missing", () => {
  const both = lockOf(
    [1, 2].map((version) => defineEvent("orders.order-placed", { version, schema: Placed, key: () => "k" })),
  );
  assertEquals(compareLock(lockWith(Placed), both), [{ name: "orders.order-placed#2", verdict: "added" }]);
  assertEquals(compareLock(both, lockWith(Placed)), [{ name: "orders.order-placed#2", verdict: "missing" }]);
});

Deno.test("extendLock takes what is new and refuses what breaks, naming all of it", () => {
  const wider = lockWith(Placed.extend({ coupon: z.string().optional() }));
  strictEqual(extendLock(lockWith(Placed), wider), wider);
  throws(() => extendLock(lockWith(Placed), lockWith(Placed.omit({ note: true }), 2)), {
    code: "contract.invalid",
    message: /"orders.order-placed#1" is missing/,
  });
});

Deno.test("lockOf refuses a contract listed twice and a schema that JSON cannot describe", () => {
  const contract = defineEvent("orders.a", { version: 1, schema: Placed, key: () => "k" });
  throws(() => lockOf([contract, contract]), { code: "contract.invalid" });
  throws(() => lockWith(z.object({ at: z.date() })), { code: "contract.invalid" });
});
