/**
 * Runs the orchestrator.
 *
 * @module
 */
import { systemClock } from "@mesh/base";
import { runService } from "@mesh/runtime";
import { type SagaState, sagaView } from "@mesh/saga";
import { sagaLimits } from "./config.ts";
import { orchestratorHost } from "./host.ts";
import { KnownVersions } from "./known_versions.ts";
import { renderSagaMetrics } from "./saga_metrics.ts";
import { service } from "./service.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), ({ env, store, log }) => {
    const host = orchestratorHost(sagaLimits(env("SAGA_LIMITS")));
    const versions = new KnownVersions();
    return {
      behaviour: host,
      viewOf: (state) => sagaView(state as SagaState),
      faults: () => versions.faults,
      renderMetrics: () => renderSagaMetrics(service.name, store),
      tasks: [(_running, signal) => versions.look(host, store, { log, signal, delay: systemClock.delay })],
    };
  });
}
