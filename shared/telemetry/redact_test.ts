import { deepStrictEqual as assertEquals, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { UnavailableError } from "@mesh/base";
import { redact, redactedMark, redactText } from "./mod.ts";

const jwt = "eyJhbGciOiJFZDI1NTE5In0.eyJpc3MiOiJvcmRlcnMifQ.c2lnbmF0dXJl";

const hidden: readonly (readonly [string, string, string])[] = [
  ["a token", `got ${jwt} today`, "got [JWT REDACTED] today"],
  ["an e-mail address", "mail to kim@example.com", "mail to REDACTED@EMAIL.ADDRESS"],
  ["a card number", "card 4242424242424242.", "card XXXX-XXXX-XXXX-XXXX."],
  ["a card number in groups", "card 4242 4242 4242 4242", "card XXXX-XXXX-XXXX-XXXX"],
  ["a password in a URL", "amqp://orders:pa$s@127.0.0.1:5672/shop", "amqp://[redacted]@127.0.0.1:5672/shop"],
  ["a bearer token of another kind", "Bearer abcdefgh12345678", "Bearer [redacted]"],
  ["an address at the start of a line", "at\nkim@example.com", "at\nREDACTED@EMAIL.ADDRESS"],
];
for (const [what, text, expected] of hidden) {
  Deno.test(`redactText hides ${what}`, () => strictEqual(redactText(text), expected));
}

const kept: readonly (readonly [string, string])[] = [
  ["a message id", "01900000-0000-7000-8000-000000000001"],
  ["an id of digits only", "42424242-4242-4242-8242-424242424242"],
  ["a moment in milliseconds", "1767225600123 1767225600121 1767225600122"],
  ["a routing key", "inventory.reserve-stock.v1.k27"],
  ["a time", "2026-01-01T00:00:00.000Z"],
  ["a hash", "w4y3Ite4yaNnTs0LrPwTIztiDlrKaPgJGeXrjlHc3Ts"],
  ["a URL without secrets", "http://127.0.0.1:9104/mesh/v1/events?after=12"],
];
for (const [what, text] of kept) {
  Deno.test(`redactText keeps ${what}`, () => strictEqual(redactText(text), text));
}

for (
  const name of ["password", "newPassword", "clientSecret", "authorization", "Cookie", "set-cookie", "accessToken"]
    .concat([
      "refresh_token",
      "jwt",
      "email",
      "eMail",
      "phone",
      "cardNumber",
      "cvc",
      "privateKey",
      "apiKey",
      "passphrase",
    ])
) {
  Deno.test(`redact hides the field ${name} at any depth`, () => {
    assertEquals(redact([{ deep: { [name]: { value: "x" } } }]), [{ deep: { [name]: redactedMark } }]);
  });
}

for (const name of ["key", "addressRef", "routingKey", "author", "tokens", "tokenHash", "messageId", "mailboxes"]) {
  Deno.test(`redact keeps the field ${name}`, () => assertEquals(redact({ [name]: "x" }), { [name]: "x" }));
}

Deno.test("redact hides a card number that is a number, and keeps amounts and moments", () => {
  assertEquals(redact({ a: 4242424242424242, amountMinor: 1999, atMs: 1767225600121 }), {
    a: redactedMark,
    amountMinor: 1999,
    atMs: 1767225600121,
  });
});

Deno.test("redact hides secrets in an error's message, stack, cause and members", () => {
  const cause = Object.assign(new Error("login of kim@example.com"), { request: { headers: { authorization: "x" } } });
  const error = new UnavailableError(`Cannot call provider: ${jwt}`, { cause, dependency: "payment-provider" });
  const text = JSON.stringify(redact({ error }));
  ok(!text.includes("eyJ") && !text.includes("kim@") && !text.includes('"x"'));
  ok(text.includes("payment-provider") && text.includes("Cannot call provider") && text.includes("redact_test.ts"));
});

Deno.test("redact survives circles, depth, dates, bytes, maps and functions", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const deep = Array.from({ length: 20 }).reduce<unknown>((inner) => [inner], 1);
  assertEquals(
    redact({
      circle,
      deep,
      at: new Date(0),
      bytes: new Uint8Array(3),
      map: new Map([["a", 1]]),
      call: () => 1,
      big: 1n,
    }),
    {
      circle: { self: "[circular]" },
      deep: [[[[[[["[deep]"]]]]]]],
      at: "1970-01-01T00:00:00.000Z",
      bytes: "[3 bytes]",
      map: [["a", 1]],
      call: "[function]",
      big: "1",
    },
  );
});

Deno.test("redact shows the same object twice when it is no circle, and does not change what it was given", () => {
  const shared = { password: "x" };
  const given = { a: shared, b: shared };
  assertEquals(redact(given), { a: { password: redactedMark }, b: { password: redactedMark } });
  strictEqual(given.a.password, "x");
});

Deno.test("redact takes anything and gives something that is JSON", () => {
  fc.assert(fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true }), (value) => {
    JSON.parse(JSON.stringify({ value: redact(value) }));
  }));
});
