/** Says what kind of failure an error is; stable, so match on it and never on message text. */
export type ErrorCode =
  | "contract.invalid"
  | "envelope.untrusted"
  | "store.conflict"
  | "dependency.unavailable"
  | "config.invalid"
  | "defect";

/** Options of every error of the mesh. */
export interface MeshErrorOptions {
  /** The error that led to this one, as the adapter met it. */
  readonly cause?: unknown;
  /** A finer, stable word for the same failure, for example `"unknown-key"`. */
  readonly reason?: string;
  /** Names a peer ("postgres", "rabbitmq", "payment-provider") where one is to blame. */
  readonly dependency?: string;
}

/** Base of everything that the mesh throws on purpose; knows neither HTTP nor AMQP. */
export class MeshError extends Error {
  override readonly name: string = "MeshError";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly dependency: string | undefined;

  constructor(code: ErrorCode, message: string, options: MeshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason ?? code;
    this.dependency = options.dependency;
  }
}

/** A message or request does not fit its schema, or its type is unknown. Never retried. */
export class ContractError extends MeshError {
  override readonly name = "ContractError";
  constructor(message: string, options: MeshErrorOptions = {}) {
    super("contract.invalid", message, options);
  }
}

/** Signature, signer, audience, destination or policy of an envelope is wrong. Never retried, quarantined. */
export class TrustError extends MeshError {
  override readonly name = "TrustError";
  constructor(message: string, options: MeshErrorOptions = {}) {
    super("envelope.untrusted", message, options);
  }
}

/** What was read is stale: decide again. */
export class ConflictError extends MeshError {
  override readonly name = "ConflictError";
  constructor(message: string, options: MeshErrorOptions = {}) {
    super("store.conflict", message, options);
  }
}

/** Broker, database or another peer did not answer in time, or answered that it cannot now. */
export class UnavailableError extends MeshError {
  override readonly name = "UnavailableError";
  constructor(message: string, options: MeshErrorOptions = {}) {
    super("dependency.unavailable", message, options);
  }
}

/** The configuration is wrong; the message lists every fault at once. */
export class ConfigError extends MeshError {
  override readonly name = "ConfigError";
  constructor(message: string, options: MeshErrorOptions = {}) {
    super("config.invalid", message, options);
  }
}

/** A bug of ours: an assertion failed. Never retried, because a bug does not heal. */
export class DefectError extends MeshError {
  override readonly name = "DefectError";
  constructor(message: string, options: MeshErrorOptions = {}) {
    super("defect", message, options);
  }
}

/**
 * Reads the code of anything thrown, across packages and realms.
 *
 * @param error Anything that was caught.
 * @returns The code, or `"unclassified"` where an adapter forgot to translate.
 *
 * @example A known error and a stranger
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { ConflictError, errorCode } from "@mesh/base";
 *
 * assertEquals(errorCode(new ConflictError("Cannot append: stream moved on")), "store.conflict");
 * assertEquals(errorCode(new Error("boom")), "unclassified");
 * ```
 */
export function errorCode(error: unknown): ErrorCode | "unclassified" {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && codes.has(code) ? (code as ErrorCode) : "unclassified";
}

/**
 * Describes anything thrown in one line, without a stack.
 *
 * @param error Anything that was caught.
 * @returns Its message, or its string form.
 */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Asserts an invariant that only a bug can break.
 *
 * @param condition What must hold.
 * @param message What was attempted and the state found.
 * @throws {DefectError} If `condition` is false.
 */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new DefectError(message);
}

const codes: ReadonlySet<string> = new Set<ErrorCode>([
  "contract.invalid",
  "envelope.untrusted",
  "store.conflict",
  "dependency.unavailable",
  "config.invalid",
  "defect",
]);
