import { deepStrictEqual as assertEquals, strictEqual } from "node:assert/strict";

interface ExportedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: readonly { readonly spanId: string }[];
}

Deno.test("under Deno's telemetry one trace runs through request, message and effect, and through the log", async () => {
  const spans: ExportedSpan[] = [];
  const receiver = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const { spans: exported } of scopeSpans) spans.push(...exported);
    }
    return Response.json({});
  });
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", `--allow-net=127.0.0.1:${receiver.addr.port}`, "traced_fixture.ts"],
    cwd: import.meta.dirname!,
    env: {
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "600000",
    },
    stderr: "inherit",
  }).output();
  await receiver.shutdown();

  strictEqual(success, true);
  const [accept, message, effect] = ["accept", "process a.b", "effect call"].map((name) =>
    spans.find((span) => span.name === name)!
  );
  assertEquals(new Set(spans.map(({ traceId }) => traceId)), new Set([accept!.traceId]));
  assertEquals([message!.parentSpanId, message!.links?.[0]?.spanId], [accept!.spanId, accept!.spanId]);
  strictEqual(effect!.parentSpanId, message!.spanId);
  const line = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([line.message, line.trace_id, line.span_id], ["Accepted", accept!.traceId, accept!.spanId]);
});
