import { deepStrictEqual as assertEquals, rejects, strictEqual } from "node:assert/strict";
import {
  type Attributes,
  type Context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  trace,
  type TracerProvider,
} from "@opentelemetry/api";
import { ConflictError } from "@mesh/base";
import { injectTrace, tracing } from "./mod.ts";

const parent = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
const envelope = {
  type: "inventory.reserve-stock",
  key: "TEA-0001",
  claims: { jti: "m1", cor: "o1", dst: { x: "mesh.commands", rk: "inventory.reserve-stock.v1.k27" } },
};

interface Seen {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly parent: string | undefined;
  readonly links: readonly string[];
  readonly attributes: Attributes;
  readonly context: SpanContext;
  status?: string;
  ended: boolean;
}

/** A provider that remembers the spans; Deno's own exists only where telemetry is on. */
function remembering(): { readonly provider: TracerProvider; readonly spans: Seen[] } {
  const spans: Seen[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, context?: Context): Span => {
    const above = context === undefined ? undefined : trace.getSpanContext(context);
    const seen: Seen = {
      name,
      kind: options.kind,
      parent: above?.spanId,
      links: (options.links ?? []).map(({ context }) => context.spanId),
      attributes: { ...options.attributes },
      context: {
        traceId: above?.traceId ?? "a".repeat(32),
        spanId: String(spans.length + 1).padStart(16, "0"),
        traceFlags: 1,
      },
      ended: false,
    };
    spans.push(seen);
    return Object.assign(trace.wrapSpanContext(INVALID_SPAN_CONTEXT), {
      spanContext: () => seen.context,
      setStatus: ({ message }: { message?: string }) => void (seen.status = message ?? ""),
      setAttribute: (key: string, value: string) => void (seen.attributes[key] = value),
      end: () => void (seen.ended = true),
    }) as unknown as Span;
  };
  return {
    spans,
    provider: { getTracer: () => ({ startSpan }) } as unknown as TracerProvider,
  };
}

async function traced(run: () => Promise<void> | void): Promise<readonly Seen[]> {
  const { provider, spans } = remembering();
  trace.setGlobalTracerProvider(provider);
  try {
    await run();
  } finally {
    trace.disable();
  }
  return spans;
}

Deno.test("continueTrace marks a message's arrival as a consumer span below its producer, linked to it", async () => {
  let headers = {};
  const [span, ...others] = await traced(() => {
    headers = tracing("inventory", true).continueTrace(envelope, { ...parent, "mesh-attempt": "2" });
  });
  assertEquals([span!.name, span!.kind, span!.parent, span!.links, span!.ended, others.length], [
    "process inventory.reserve-stock",
    SpanKind.CONSUMER,
    "00f067aa0ba902b7",
    ["00f067aa0ba902b7"],
    true,
    0,
  ]);
  assertEquals(headers, injectTrace(span!.context));
  assertEquals(span!.context.traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
  assertEquals(span!.attributes, {
    "messaging.system": "rabbitmq",
    "messaging.operation.type": "process",
    "messaging.destination.name": "mesh.commands",
    "messaging.rabbitmq.destination.routing_key": "inventory.reserve-stock.v1.k27",
    "messaging.message.id": "m1",
    "messaging.message.conversation_id": "o1",
    "mesh.message.type": "inventory.reserve-stock",
    "mesh.actor.key": "TEA-0001",
  });
});

Deno.test("a message without trace headers starts a trace", async () => {
  const [span] = await traced(() => void tracing("inventory", true).continueTrace(envelope, {}));
  assertEquals([span!.parent, span!.links], [undefined, []]);
});

Deno.test("inTrace runs the call as a client span of the message's trace and hands out its result", async () => {
  const [span] = await traced(async () => {
    strictEqual(await tracing("payments", true).inTrace("effect capture", parent, () => Promise.resolve(7)), 7);
  });
  assertEquals([span!.name, span!.kind, span!.parent, span!.ended], [
    "effect capture",
    SpanKind.CLIENT,
    "00f067aa0ba902b7",
    true,
  ]);
});

Deno.test("a task that fails leaves its code on the span, and no secret", async () => {
  const [span] = await traced(async () => {
    const failing = () => Promise.reject(new ConflictError("Cannot append for kim@example.com"));
    await rejects(tracing("orders", true).inSpan("append", {}, failing), { code: "store.conflict" });
  });
  assertEquals([span!.status, span!.attributes["error.type"], span!.ended], [
    "Cannot append for REDACTED@EMAIL.ADDRESS",
    "store.conflict",
    true,
  ]);
});

Deno.test("while telemetry is off no span is made and messages pass on the headers they came with", async () => {
  const spans = await traced(async () => {
    const off = tracing("orders", false);
    strictEqual(await off.inSpan("append", {}, () => Promise.resolve(1)), 1);
    strictEqual(await off.inTrace("call", parent, () => Promise.resolve(2)), 2);
    assertEquals(off.continueTrace(envelope, { ...parent, "mesh-attempt": "2" }), parent);
    assertEquals(off.currentTrace(), {});
  });
  assertEquals(spans, []);
});
