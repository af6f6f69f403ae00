import { deepStrictEqual as assertEquals, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { frozenJson } from "./frozen_json.ts";

const anything = fc.anything({
  withDate: true,
  withNullPrototype: true,
  withSparseArray: true,
  values: [fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined), fc.constant(-0)],
});

Deno.test("a copy is what JSON makes of the value, whatever it is", () => {
  fc.assert(fc.property(fc.record({ value: anything }), (value) => {
    assertEquals(frozenJson(value), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("a copy keeps members that are named like an object's prototype", () => {
  const value = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}');
  strictEqual(JSON.stringify(frozenJson(value)), JSON.stringify(value));
});

Deno.test("a copy is frozen all the way down and shares nothing with the value", () => {
  const value = { list: [{ a: 1 }], date: new Date(0) };
  const copy = frozenJson(value);
  value.list[0]!.a = 2;

  strictEqual(copy.list[0]!.a, 1);
  ok(Object.isFrozen(copy.list[0]));
  throws(() => (copy.list as { a: number }[]).push({ a: 3 }), TypeError);
  strictEqual(frozenJson(copy), copy);
});
