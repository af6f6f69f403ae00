import { AsyncLocalStorage } from "node:async_hooks";
import {
  configure,
  getJsonLinesFormatter,
  isLogLevel,
  type LogLevel,
  type LogRecord,
  type Sink,
} from "@logtape/logtape";
import { redactByField } from "@logtape/redaction";
import { trace } from "@opentelemetry/api";
import { ConfigError } from "@mesh/base";
import { readableLine } from "./readable_line.ts";
import { redact, redactedMark, redactText, secretFields } from "./redact.ts";

export { getLogger, type Logger, withContext } from "@logtape/logtape";

/** How a process writes its log. */
export interface LoggingOptions {
  /** Stands in every line. */
  readonly service: string;
  /** `LOG_LEVEL`: trace, debug, info, warning (or warn), error, fatal; info by default. */
  readonly level?: string;
  /** `LOG_FORMAT`: `json` (default) for machines, `pretty` for a developer's terminal. */
  readonly format?: string;
  /** Takes one finished line without its end; standard output by default. */
  readonly write?: (line: string) => void;
}

/**
 * Configures the log of this process: one line per record on standard output, with the ids of the active span, without
 * secrets. May be called again; the last call counts.
 *
 * @throws {ConfigError} If level or format is unknown.
 *
 * @example A line without the secret that was logged
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { configureLogging, getLogger } from "@mesh/telemetry";
 *
 * const lines: string[] = [];
 * await configureLogging({ service: "users", write: (line) => lines.push(line) });
 * getLogger("users").info("Mailed {to}", { to: "kim@example.com" });
 * assertEquals(JSON.parse(lines[0]!).message, "Mailed REDACTED@EMAIL.ADDRESS");
 * ```
 */
export async function configureLogging(options: LoggingOptions): Promise<void> {
  const { service, write = (line: string) => console.log(line) } = options;
  const lowestLevel = levelFrom(options.level ?? "info");
  const format = formatterFor(options.format ?? "json", service);
  const sink: Sink = (record) => write(format(withoutSecrets(record)));
  await configure({
    reset: true,
    contextLocalStorage: new AsyncLocalStorage(),
    sinks: {
      line: redactByField(sink, { fieldPatterns: [...secretFields], action: () => redactedMark }),
    },
    loggers: [
      { category: [], sinks: ["line"], lowestLevel },
      // It explains itself at length at the start of each process.
      { category: ["logtape", "meta"], sinks: ["line"], lowestLevel: "warning", parentSinks: "override" },
    ],
  });
}

function levelFrom(text: string): LogLevel {
  const level = text.toLowerCase() === "warn" ? "warning" : text.toLowerCase();
  if (!isLogLevel(level)) throw new ConfigError(`Cannot configure log: LOG_LEVEL "${text}" is unknown`);
  return level;
}

function formatterFor(format: string, service: string): (record: LogRecord) => string {
  if (format === "pretty") return (record) => readableLine(record, textOf, !Deno.noColor);
  if (format !== "json") throw new ConfigError(`Cannot configure log: LOG_FORMAT "${format}" is unknown`);
  const json = getJsonLinesFormatter({ properties: "flatten" });
  return (record) => {
    const message = [record.message.map(textOf).join("")];
    return json({ ...record, message, properties: { ...withoutReserved(record.properties), service, ...spanIds() } })
      .trimEnd();
  };
}

function withoutSecrets(record: LogRecord): LogRecord {
  return {
    ...record,
    message: record.message.map((part) => typeof part === "string" ? redactText(part) : redact(part)),
    properties: redact(record.properties) as Record<string, unknown>,
  };
}

/** Texts stand without quotes, and an error by its message: its stack is among the properties. */
function textOf(part: unknown): string {
  if (typeof part === "string") return part;
  const { stack, message } = (part ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof stack === "string" && typeof message === "string") return message;
  return JSON.stringify(part) ?? "undefined";
}

/** A property must not replace what the line says of itself: it gets an underscore at its end. */
function withoutReserved(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [reservedNames.has(name) ? `${name}_` : name, value]),
  );
}

function spanIds(): Readonly<Record<string, string>> {
  const context = trace.getActiveSpan()?.spanContext();
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
}

const reservedNames: ReadonlySet<string> = new Set([
  "@timestamp",
  "level",
  "logger",
  "message",
  "service",
  "span_id",
  "trace_id",
]);
