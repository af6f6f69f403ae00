import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { bundleContentType } from "@mesh/broker";
import { EnvelopeCounter } from "./envelope_count.ts";

const encoder = new TextEncoder();

/** As a publisher writes it; see `encodeBundle`. */
function bundleOf(tokens: readonly string[]): Uint8Array {
  const head = encoder.encode(JSON.stringify(tokens.map((token) => ({
    messageId: "m",
    type: "t",
    routingKey: "k",
    headers: {},
    bodyBytes: token.length,
  }))));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, head.length);
  return Uint8Array.from([...length, ...head, ...encoder.encode(tokens.join(""))]);
}

Deno.test("a bundle is one message and several envelopes", () => {
  const counter = new EnvelopeCounter();
  counter.note("orders", bundleOf(["h.a.1", "h.b.2"]), bundleContentType);
  counter.note("orders", encoder.encode("h.c.3"), "application/jose");
  assertEquals(counter.count(), { messages: 2, envelopes: 3, toVerify: 3 });
});

Deno.test("a shared signature is checked once by each receiver and was made once", () => {
  const counter = new EnvelopeCounter();
  counter.note("orders", bundleOf(["h.a.1~0~2~x", "h.b.1~1~2~y"]), bundleContentType);
  counter.note("gateway", encoder.encode("h.a.1~0~2~x"), undefined);
  assertEquals(counter.count(), { messages: 2, envelopes: 3, toVerify: 2 });
  assertEquals([...counter.signatures()], ["1"]);
});
