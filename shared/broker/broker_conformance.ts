import { bundlingCases } from "./conformance/bundling_cases.ts";
import { consumingCases } from "./conformance/consuming_cases.ts";
import { reconnectingCases } from "./conformance/reconnecting_cases.ts";
import { routingCases } from "./conformance/routing_cases.ts";
import type { ConformanceHarness } from "./conformance/world.ts";

/**
 * Registers the tests that every adapter of the port `Broker` must pass.
 *
 * @param name Name of the adapter; begins each test's name.
 * @param harness Makes the adapter's worlds, one for each test.
 */
export function brokerConformance(name: string, harness: ConformanceHarness): void {
  for (
    const [sentence, run] of Object.entries({
      ...routingCases,
      ...consumingCases,
      ...reconnectingCases,
      ...bundlingCases,
    })
  ) {
    Deno.test({ name: `${name} ${sentence}`, fn: () => run(harness), sanitizeOps: true, sanitizeResources: true });
  }
}
