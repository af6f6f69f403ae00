import { type Attributes, context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { errorCode, errorText } from "@mesh/base";
import { attributes as names, messagingSystem } from "./names.ts";
import { redactText } from "./redact.ts";
import { contextFrom, extractTrace, injectTrace, type TraceHeaders, traceHeadersOf } from "./trace_context.ts";

/** What a span is about. */
export interface SpanOptions {
  /** `internal` by default. */
  readonly kind?: "internal" | "server" | "client" | "producer" | "consumer";
  /** Headers of the message that the span continues; the active span is the parent when absent. */
  readonly parent?: TraceHeaders;
  /** Headers of further messages that led to it. */
  readonly links?: readonly TraceHeaders[];
  readonly attributes?: Attributes;
}

/** As much of an envelope as its span tells. */
export interface TracedEnvelope {
  readonly type: string;
  readonly key: string;
  readonly claims: {
    readonly jti: string;
    readonly cor: string;
    readonly dst: { readonly x: string; readonly rk: string };
  };
}

/** Spans of one service. */
export interface Tracing {
  /** Whether spans are made at all. */
  readonly isEnabled: boolean;
  /**
   * Runs a task inside a span. An error that leaves the task is recorded and thrown on.
   *
   * @param name Of low cardinality: a type or a route, never an id.
   */
  inSpan<T>(name: string, options: SpanOptions, task: () => Promise<T>): Promise<T>;
  /** As `inSpan`, for a call to the outside that continues a message's trace. */
  inTrace<T>(name: string, headers: TraceHeaders, task: () => Promise<T>): Promise<T>;
  /**
   * Marks the arrival of a message by a span of its own, with its producer as parent and link.
   *
   * A turn handles many messages of many traces at once, so no span can cover it for one of them.
   *
   * @returns Headers that what follows from the message carries on.
   */
  continueTrace(envelope: TracedEnvelope, headers: TraceHeaders): TraceHeaders;
  /** @returns Headers of the span that is active now; empty when there is none. */
  currentTrace(): TraceHeaders;
}

/**
 * Makes the spans of one service, through whatever is registered with the OpenTelemetry API: Deno does so itself under
 * `OTEL_DENO=true`.
 *
 * @param service Names the tracer.
 * @param isEnabled False costs one comparison per call: messages then only pass on the headers they came with.
 */
export function tracing(service: string, isEnabled: boolean): Tracing {
  return isEnabled ? enabledTracing(service) : disabledTracing;
}

const disabledTracing: Tracing = Object.freeze({
  isEnabled: false,
  inSpan: <T>(_name: string, _options: SpanOptions, task: () => Promise<T>) => task(),
  inTrace: <T>(_name: string, _headers: TraceHeaders, task: () => Promise<T>) => task(),
  continueTrace: (_envelope: TracedEnvelope, headers: TraceHeaders) => traceHeadersOf(headers),
  currentTrace: () => ({}),
});

function enabledTracing(service: string): Tracing {
  const tracer = trace.getTracer(service);
  const start = (name: string, { kind = "internal", parent, links = [], attributes = {} }: SpanOptions): Span => {
    const linked = links.map(extractTrace).filter((found) => found !== undefined).map((found) => ({ context: found }));
    return tracer.startSpan(
      name,
      { kind: spanKinds[kind], links: linked, attributes },
      parent === undefined ? context.active() : contextFrom(parent),
    );
  };
  const inSpan = async <T>(name: string, options: SpanOptions, task: () => Promise<T>): Promise<T> => {
    const span = start(name, options);
    try {
      return await context.with(trace.setSpan(context.active(), span), task);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  };
  return Object.freeze({
    isEnabled: true,
    inSpan,
    inTrace: <T>(name: string, headers: TraceHeaders, task: () => Promise<T>) =>
      inSpan(name, { kind: "client", parent: headers }, task),
    continueTrace: (envelope: TracedEnvelope, headers: TraceHeaders) => {
      const span = start(`process ${envelope.type}`, {
        kind: "consumer",
        parent: headers,
        links: [headers],
        attributes: attributesOf(envelope),
      });
      span.end();
      return injectTrace(span.spanContext());
    },
    currentTrace: () => injectTrace(trace.getActiveSpan()?.spanContext()),
  });
}

function attributesOf({ type, key, claims }: TracedEnvelope): Attributes {
  const { jti, cor, dst } = claims;
  return {
    [names.messagingSystem]: messagingSystem,
    [names.operationType]: "process",
    [names.destinationName]: dst.x,
    [names.routingKey]: dst.rk,
    [names.messageId]: jti,
    [names.conversationId]: cor,
    [names.messageType]: type,
    [names.actorKey]: key,
  };
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: redactText(errorText(error)) });
  span.setAttribute(names.errorType, errorCode(error));
}

const spanKinds: Readonly<Record<NonNullable<SpanOptions["kind"]>, SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};
