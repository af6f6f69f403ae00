import { deepStrictEqual as assertEquals, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { trace } from "@opentelemetry/api";
import { contextFrom, extractTrace, injectTrace, traceHeadersOf } from "./mod.ts";

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Deno.test("the W3C example is read and written back unchanged, with its state", () => {
  const headers = { traceparent, tracestate: "congo=t61rcWkgMzE" };
  const span = extractTrace(headers);
  assertEquals([span?.traceId, span?.spanId, span?.traceFlags, span?.isRemote], [
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00f067aa0ba902b7",
    1,
    true,
  ]);
  assertEquals(injectTrace(span), headers);
});

Deno.test("any valid span survives writing and reading", () => {
  const hex = (length: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => !/^0+$/.test(text));
  fc.assert(fc.property(hex(32), hex(16), fc.constantFrom(0, 1), (traceId, spanId, traceFlags) => {
    const read = extractTrace(injectTrace({ traceId, spanId, traceFlags }));
    assertEquals([read?.traceId, read?.spanId, read?.traceFlags], [traceId, spanId, traceFlags]);
  }));
});

const ignored: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["upper case", traceparent.toUpperCase()],
  ["a trace id of zeros", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
  ["a span id of zeros", `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`],
  ["the forbidden version", `ff${traceparent.slice(2)}`],
  ["a further field in version 00", `${traceparent}-01`],
  ["a cut one", traceparent.slice(0, -1)],
  ["injected text", `${traceparent}\r\nx: y`],
];
for (const [what, text] of ignored) {
  Deno.test(`extractTrace ignores ${what}`, () => strictEqual(extractTrace({ traceparent: text }), undefined));
}

Deno.test("extractTrace reads a later version with further fields", () => {
  strictEqual(extractTrace({ traceparent: `01${traceparent.slice(2)}-extra` })?.spanId, "00f067aa0ba902b7");
});

Deno.test("injectTrace writes nothing for no span or an invalid one", () => {
  assertEquals(injectTrace(undefined), {});
  assertEquals(injectTrace({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 1 }), {});
});

Deno.test("contextFrom makes the span of the headers the parent, or starts anew", () => {
  strictEqual(trace.getSpanContext(contextFrom({ traceparent }))?.spanId, "00f067aa0ba902b7");
  strictEqual(trace.getSpanContext(contextFrom({})), undefined);
});

Deno.test("traceHeadersOf leaves out every other header", () => {
  assertEquals(traceHeadersOf({ traceparent, "mesh-attempt": "2" }), { traceparent });
});
