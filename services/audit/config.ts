import { z } from "zod";
import { ConfigError } from "@mesh/base";

/** What this service is told beside what every service is told. */
export interface AuditConfig {
  /**
   * `AUDIT_FEED_INTERVAL_MS`: wait between two looks at a feed that had nothing new, in milliseconds; up to four times as
   * long where nothing happens. Default 500.
   */
  readonly feedIntervalMs: number;
}

/**
 * Reads the service's own configuration from the environment.
 *
 * @param env Reads one variable; an empty one counts as absent.
 * @throws {ConfigError} With every fault at once.
 *
 * @example Nothing has to be set
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { auditConfig } from "./config.ts";
 *
 * assertEquals(auditConfig(() => undefined).feedIntervalMs, 500);
 * ```
 */
export function auditConfig(env: (name: string) => string | undefined): AuditConfig {
  const read = schema.safeParse({ AUDIT_FEED_INTERVAL_MS: env("AUDIT_FEED_INTERVAL_MS") || undefined });
  if (read.success) return { feedIntervalMs: read.data.AUDIT_FEED_INTERVAL_MS };
  const faults = read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new ConfigError(`Cannot start: the environment is wrong: ${faults.join("; ")}`);
}

const schema = z.object({
  AUDIT_FEED_INTERVAL_MS: z.coerce.number().int().min(10).max(60_000).default(500),
});
