import { Buffer } from "node:buffer";
import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { isBase64Url } from "./base64url.ts";

Deno.test("isBase64Url takes exactly the texts that decode and encode to themselves", () => {
  const character = fc.constantFrom(..."ABCDEQUgkow048-_AQgwxyz");
  fc.assert(
    fc.property(fc.string({ unit: character, minLength: 1, maxLength: 9 }), (text) => {
      strictEqual(isBase64Url(text), Buffer.from(text, "base64url").toString("base64url") === text);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("isBase64Url takes every encoding of bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
    ok(isBase64Url(Buffer.from(bytes).toString("base64url")));
  }));
});

for (const text of ["", "A", "AB=", "AA==", "+A", "/A", "AA\n", " AA", "AB", "AAB", "é"]) {
  Deno.test(`isBase64Url refuses ${JSON.stringify(text)}`, () => ok(!isBase64Url(text)));
}
