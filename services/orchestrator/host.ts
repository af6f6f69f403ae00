/**
 * The orchestrator's behaviour: what other services have in `actor.ts`.
 *
 * @module
 */
import { type LimitOverrides, sagaBehaviour, type SagaHost } from "@mesh/saga";
import { SagaAdvanced, SagaOperated } from "./contract.ts";
import { sagas } from "./sagas.ts";

/**
 * Makes what the runtime runs.
 *
 * @param limits Shorter or longer waits than the defaults, for demos and tests.
 * @throws {ConfigError} If a limit is not a positive whole number.
 */
export function orchestratorHost(limits: LimitOverrides = {}): SagaHost {
  return sagaBehaviour({ service: "orchestrator", event: SagaAdvanced, operated: SagaOperated, sagas, limits });
}
