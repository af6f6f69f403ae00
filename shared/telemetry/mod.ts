/**
 * Logs, spans and metrics, the same in every service.
 *
 * @module
 */
export { configureLogging, getLogger, type Logger, type LoggingOptions, withContext } from "./logging.ts";
export {
  type Metrics,
  type MetricsOptions,
  type MetricSources,
  openMetrics,
  type RuntimeMeter,
  type StoreFigures,
} from "./metrics.ts";
export { attributes, messagingSystem, metricNames } from "./names.ts";
export { redact, redactedMark, redactText } from "./redact.ts";
export { contextFrom, extractTrace, injectTrace, type TraceHeaders, traceHeadersOf } from "./trace_context.ts";
export { type SpanOptions, type TracedEnvelope, type Tracing, tracing } from "./tracing.ts";
