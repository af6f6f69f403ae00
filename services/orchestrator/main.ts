/**
 * Runs the orchestrator.
 *
 * @module
 */
import { runService } from "@mesh/runtime";
import { type SagaState, sagaView } from "@mesh/saga";
import { sagaLimits } from "./config.ts";
import { orchestratorHost } from "./host.ts";
import { service } from "./service.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), ({ env }) => ({
    behaviour: orchestratorHost(sagaLimits(env("SAGA_LIMITS"))),
    viewOf: (state) => sagaView(state as SagaState),
  }));
}
