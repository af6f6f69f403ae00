import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { parseForm, parseSearch, textOf, textsOf, wholeNumberOf } from "./payment_form.ts";

Deno.test("a form nests its fields by their brackets", () => {
  const form = parseForm(
    "amount=1200&metadata[orderId]=o-1&metadata%5BeffectKey%5D=k%261&payment_method_types[0]=card",
  );

  assertEquals(
    [wholeNumberOf(form, "amount"), textsOf(form, "metadata"), textsOf(form, "payment_method_types")],
    [1200, { orderId: "o-1", effectKey: "k&1" }, { 0: "card" }],
  );
});

Deno.test("a form field named like a part of every object is only a field", () => {
  const form = parseForm("__proto__[polluted]=yes&constructor=x");

  assertEquals([textOf(form, "constructor"), ({} as { polluted?: string }).polluted], ["x", undefined]);
});

Deno.test("a field that is no whole number reads as absent", () => {
  assertEquals(["-1", "1.5", "", "ten"].map((text) => wholeNumberOf(parseForm(`amount=${text}`), "amount")), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("a search by metadata is understood with either kind of quote", () => {
  assertEquals(
    [`metadata["orderId"]:"o-1"`, `metadata['orderId']:'o-1'`, String.raw`metadata["k"]:"a\"b"`].map(parseSearch),
    [{ name: "orderId", value: "o-1" }, { name: "orderId", value: "o-1" }, { name: "k", value: 'a"b' }],
  );
});

Deno.test("any other search is not understood", () => {
  assertEquals([`status:"succeeded"`, `metadata["a"]:"b" OR metadata["c"]:"d"`, ""].map(parseSearch), [
    undefined,
    undefined,
    undefined,
  ]);
});
