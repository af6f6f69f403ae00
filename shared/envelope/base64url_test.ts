import { Buffer } from "node:buffer";
import { deepStrictEqual as assertEquals, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { decodeBase64Url, isBase64Url } from "./base64url.ts";
import { referenceBytes } from "./reference_fixture.ts";

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

const spellings = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
  fc.string({ unit: fc.constantFrom(..."ABQgwc048-_+/= \n\t\f\r.é\0\ud800"), maxLength: 9 }),
);

Deno.test("decodeBase64Url takes exactly the texts that decode and encode to themselves, and decodes them", () => {
  const target = new Uint8Array(64);
  const places = fc.array(fc.tuple(fc.nat(60), fc.constantFrom(..."B=+/ \n.\0ÿ€")), { maxLength: 2 });
  fc.assert(
    fc.property(spellings, places, (spelling, changes) => {
      let text = spelling;
      for (const [place, put] of changes) {
        const at = place % (text.length + 1);
        text = text.slice(0, at) + put + text.slice(at + (place % 2));
      }
      const length = decodeBase64Url(text, target);
      const decoded = length === undefined ? undefined : Buffer.from(target.subarray(0, length));
      assertEquals(decoded, referenceBytes(text));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("decodeBase64Url refuses what has no room instead of decoding a part of it", () => {
  strictEqual(decodeBase64Url("AAAA", new Uint8Array(3)), 3);
  strictEqual(decodeBase64Url("AAAA", new Uint8Array(2)), undefined);
  strictEqual(decodeBase64Url("AAAAAAAA", new Uint8Array(4)), undefined);
});
