import type { LogRecord } from "@logtape/logtape";

/**
 * Writes a record as one line for a developer's terminal: time, level, logger within the service, message, and the
 * properties that the message does not show.
 *
 * @param textOf Shows one value.
 * @param isColoured Whether warnings and errors stand out by colour.
 */
export function readableLine(record: LogRecord, textOf: (value: unknown) => string, isColoured: boolean): string {
  const time = new Date(record.timestamp).toTimeString().slice(0, 8) +
    `.${String(record.timestamp % 1000).padStart(3, "0")}`;
  const template = typeof record.rawMessage === "string" ? record.rawMessage : "";
  const rest = Object.entries(record.properties)
    .filter(([name]) => !template.includes(`{${name}}`))
    .map(([name, value]) => ` ${name}=${textOf(value)}`).join("");
  const [before, after] = isColoured ? colours[record.level] ?? ["", ""] : ["", ""];
  const level = `${before}${names[record.level].padEnd(5)}${after}`;
  // The service itself stands before the line already, where several print to one terminal.
  const part = record.category.slice(1).map((name) => `${name}: `).join("");
  const line = `${time} ${level} ${part}${record.message.map(textOf).join("")}${rest}`;
  return line.replaceAll(/\s*\n\s*/g, " ");
}

/** At most five letters, so that messages begin in one column. */
const names: Readonly<Record<LogRecord["level"], string>> = {
  trace: "TRACE",
  debug: "DEBUG",
  info: "INFO",
  warning: "WARN",
  error: "ERROR",
  fatal: "FATAL",
};

/** SGR sequences (ECMA-48) around the level: grey, yellow, red. */
const colours: Readonly<Partial<Record<LogRecord["level"], readonly [string, string]>>> = {
  trace: ["\x1b[90m", "\x1b[39m"],
  debug: ["\x1b[90m", "\x1b[39m"],
  warning: ["\x1b[33m", "\x1b[39m"],
  error: ["\x1b[31m", "\x1b[39m"],
  fatal: ["\x1b[31m", "\x1b[39m"],
};
