import type { ServiceDefinition } from "@mesh/contract";

/**
 * Lists what Deno's telemetry and the C library read from the environment of a service's process; the service itself reads
 * none of it.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { processVariables } from "./process_variables.ts";
 *
 * assertEquals(processVariables({ name: "orders" }).OTEL_SERVICE_NAME, "orders");
 * ```
 */
export function processVariables({ name }: Pick<ServiceDefinition, "name">): Readonly<Record<string, string>> {
  return {
    OTEL_SERVICE_NAME: name,
    ...(name === hashesPasswords ? { MALLOC_MMAP_THRESHOLD_: String(mmapThresholdBytes) } : {}),
  };
}

const hashesPasswords = "users";

/**
 * 4 MiB: below the 19 MiB that a password's hash works in. Without it glibc raises the threshold when the first such block is
 * given back, and from then on each thread that has hashed once keeps one: 95 MiB after the accounts of a development
 * shop. See mallopt(3), `M_MMAP_THRESHOLD`.
 */
const mmapThresholdBytes = 4 * 1024 * 1024;
