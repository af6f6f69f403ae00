import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import * as fc from "fast-check";
import { bundledBytes, bundledDeliveries, bundledMax, decodeBundle, encodeBundle } from "./bundle.ts";
import type { OutgoingMessage } from "./broker.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const messages = fc.array(
  fc.record({
    exchange: fc.constant("mesh.events"),
    isMandatory: fc.boolean(),
    messageId: text,
    type: text,
    routingKey: text,
    headers: fc.dictionary(text.map((name) => `mesh-${name}`), text, { noNullPrototype: true }),
    body: fc.uint8Array({ maxLength: 50 }),
  }),
  { minLength: 1, maxLength: 10 },
);

Deno.test("a bundle gives back the messages that it was made of", () => {
  fc.assert(fc.property(messages, (given) => {
    const expected = given.map(({ messageId, type, routingKey, headers, body }) => ({
      messageId,
      type,
      routingKey,
      headers,
      body,
    }));
    assertEquals(decodeBundle(encodeBundle(given)), expected);
  }));
});

Deno.test("a bundle takes no more room than was counted for its messages", () => {
  fc.assert(fc.property(messages, (given) => {
    const counted = given.reduce((sum, message) => sum + bundledBytes(message), 0);
    ok(encodeBundle(given).length <= counted + 6 + escapes(given));
  }));
});

Deno.test("what is no bundle is not read as one", () => {
  const good = encodeBundle([messageOf("m0"), messageOf("m1")]);
  const entry = { messageId: "m", type: "t", routingKey: "k", headers: {}, bodyBytes: 0 };
  const unreadable = [
    new Uint8Array(),
    new Uint8Array(4),
    good.subarray(0, good.length - 1),
    Uint8Array.of(...good, 0),
    Uint8Array.of(255, 255, 255, 255),
    Uint8Array.of(0, 0, 0, 1, 0xff),
    ...[
      {},
      [],
      [null],
      Array.from({ length: bundledMax + 1 }, () => entry),
      [{ ...entry, messageId: 1 }],
      [{ ...entry, type: undefined }],
      [{ ...entry, routingKey: null }],
      [{ ...entry, headers: null }],
      [{ ...entry, headers: { "mesh-attempt": 2 } }],
      [{ ...entry, headers: { "x-death": "never" } }],
      [{ ...entry, bodyBytes: -1 }],
      [{ ...entry, bodyBytes: 0.5 }],
      [{ ...entry, bodyBytes: 1 }],
    ].map(withHead),
  ];

  assertEquals(unreadable.map((bytes) => decodeBundle(bytes)), unreadable.map(() => undefined));
  ok(decodeBundle(withHead([entry])) !== undefined);
});

Deno.test("a bundle that took another way gives the last hop's key to all its messages", () => {
  const whole = {
    body: new Uint8Array(),
    queue: "shelf.dead",
    exchange: "mesh.dead",
    routingKey: "shelf",
    messageId: "m0",
    type: "shelf.put-away",
    userId: "planner",
    headers: {},
    isRedelivered: false,
  };

  const deliveries = bundledDeliveries(whole, [messageOf("m0"), messageOf("m1")]);

  assertEquals(deliveries.map(({ messageId, routingKey }) => [messageId, routingKey]), [["m0", "shelf"], [
    "m1",
    "shelf",
  ]]);
});

function messageOf(messageId: string): OutgoingMessage {
  return {
    exchange: "mesh.commands",
    routingKey: "shelf.put-away.v1.k00",
    body: new TextEncoder().encode(messageId),
    messageId,
    type: "shelf.put-away",
    isMandatory: true,
    headers: {},
  };
}

function withHead(head: unknown): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(head));
  return Uint8Array.of(0, 0, bytes.length >> 8, bytes.length & 255, ...bytes);
}

/** Characters that JSON writes longer than UTF-8 does are counted too low, by five bytes each at most. */
function escapes(given: readonly OutgoingMessage[]): number {
  return 5 * JSON.stringify(given.map(({ body: _, ...rest }) => rest)).split("\\").length;
}
