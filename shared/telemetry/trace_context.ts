import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from "@opentelemetry/api";

/** Headers of a message, as far as a trace is concerned: `traceparent`, `tracestate`. */
export type TraceHeaders = Readonly<Record<string, string>>;

/**
 * Writes a span's context as W3C headers.
 *
 * Written here and not by a registered propagator, so that a process whose telemetry is off, a test, and a process under
 * Deno's telemetry agree.
 *
 * @returns Empty when there is no valid span.
 * @see W3C Trace Context 3.2
 */
export function injectTrace(span: SpanContext | undefined): TraceHeaders {
  if (span === undefined || !isSpanContextValid(span)) return {};
  const { traceId, spanId, traceFlags, traceState } = span;
  const traceparent = `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, "0")}`;
  const tracestate = traceState?.serialize() ?? "";
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}

/**
 * Reads a span's context from W3C headers.
 *
 * @param headers Anything; what is malformed or all zero is ignored, as the recommendation demands.
 * @returns `undefined` when there is none: the next span starts a trace of its own.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { extractTrace, injectTrace } from "@mesh/telemetry";
 *
 * const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" };
 * assertEquals(injectTrace(extractTrace(headers)), headers);
 * ```
 * @see W3C Trace Context 3.2.2
 */
export function extractTrace({ traceparent = "", tracestate = "" }: TraceHeaders): SpanContext | undefined {
  const found = traceparentPattern.exec(traceparent);
  if (found === null || found[1] === "ff") return undefined;
  const span: SpanContext = {
    traceId: found[2]!,
    spanId: found[3]!,
    traceFlags: Number.parseInt(found[4]!, 16) & 1,
    isRemote: true,
    ...(tracestate === "" ? {} : { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(span) ? span : undefined;
}

/** @returns A context whose active span is the one that the headers name, or the root context. */
export function contextFrom(headers: TraceHeaders): Context {
  const span = extractTrace(headers);
  return span === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span);
}

/** @returns The trace headers among others. */
export function traceHeadersOf({ traceparent, tracestate }: TraceHeaders): TraceHeaders {
  return {
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** Version 00; later versions may append fields, which are ignored. */
const traceparentPattern = /^(?!00-.{52}-)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
