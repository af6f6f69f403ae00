import { ConfigError, DefectError, errorCode, errorText, UnavailableError } from "@mesh/base";

/** The server ended a transaction so that another could go on; trying again is the cure. */
export function isRetryable(error: unknown): boolean {
  const code = codeOf(error);
  return code === "40001" || code === "40P01";
}

/** Somebody else's commit came in between: a key was taken, or `commit_turn` found a row that had moved on. */
export function isOvertaken(error: unknown): boolean {
  const code = codeOf(error);
  return code === "23505" || code === "MS001";
}

/**
 * Translates what the driver throws.
 *
 * @param error Anything that was caught; errors of the mesh pass unchanged.
 * @param what What was attempted, for the message: `"commit a turn"`.
 * @returns An `UnavailableError` where trying again later can help (also where the outcome is unknown), a `ConfigError`
 * where the process lacks the permission to connect, else a `DefectError`.
 */
export function translateError(error: unknown, what: string): Error {
  if (errorCode(error) !== "unclassified") return error as Error;
  const text = `Cannot ${what}: ${errorText(error) || codeOf(error)}`;
  const options = { cause: error, dependency: "postgres" };
  if (error instanceof Error && error.name === "NotCapable") return new ConfigError(text, options);
  return isOutage(error) ? new UnavailableError(text, options) : new DefectError(text, options);
}

function isOutage(error: unknown): boolean {
  return isConnectionLost(error) || unavailableStates.test(codeOf(error));
}

/** The connection has ended, or is about to: nothing more can be said on it. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { severity } = error as { severity?: unknown };
  if (severity === "FATAL" || severity === "PANIC") return true;
  // Deno's own socket errors carry a name instead of a code.
  return connectionCodes.has(codeOf(error)) || socketErrors.has(error.name);
}

/** A connection that was there has died, or is out of step: what its pool makes of it next is not to be relied on. */
export function hasPoolFailed(error: unknown): boolean {
  if (!isConnectionLost(error)) return false;
  const code = codeOf(error);
  return !absentCodes.has(code) && !refusedLogins.test(code) && !absentErrors.has((error as Error).name);
}

/** What a statement throws that was given the answer to another one. */
export function outOfStep(): Error {
  return Object.assign(new Error("the answer is that to another statement"), { code: outOfStepCode });
}

/** The SQLSTATE, or the driver's or the system's own code; empty if there is none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

/**
 * 08 connection, 53 resources, 57 operator intervention (shutdown, timeout), 58 system, 40 rollback, 55P03 lock not
 * available, 25P03 idle in transaction too long, 25006 read-only (a demoted primary), 28 and 3D login refused or
 * database missing (not provisioned yet, or a password being rotated).
 * @see https://www.postgresql.org/docs/15/errcodes-appendix.html
 */
const unavailableStates = /^(08...|53...|57...|58...|40...|55P03|25P03|25006|28...|3D...)$/;

const outOfStepCode = "OUT_OF_STEP";

const connectionCodes: ReadonlySet<string> = new Set([
  outOfStepCode,
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

const socketErrors: ReadonlySet<string> = new Set([
  "ConnectionRefused",
  "ConnectionReset",
  "ConnectionAborted",
  "BrokenPipe",
  "NotConnected",
  "TimedOut",
  "UnexpectedEof",
  "Interrupted",
  "BadResource",
  "AggregateError",
]);

/**
 * What the server ends a connection with before a statement was sent on it: who logs in is unknown or has a wrong password,
 * the database is missing, all connections are taken, the server is starting up or shutting down. Nothing of that can get
 * the driver out of step, and a new pool would begin its waits anew.
 */
const refusedLogins = /^(28...|3D000|53300|57P03)$/;

/** There was no connection to begin with. */
const absentCodes: ReadonlySet<string> = new Set([
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

const absentErrors: ReadonlySet<string> = new Set(["ConnectionRefused", "AggregateError"]);
