/**
 * What the orchestrator says about itself: all of it follows from its sagas.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import { sagaContracts } from "@mesh/saga";
import { SagaAdvanced, SagaOperated } from "./contract.ts";
import { sagas } from "./sagas.ts";

export { orchestratorHost } from "./host.ts";
export { sagas } from "./sagas.ts";

const { subscribes, sends } = sagaContracts(sagas);

export const service = defineService({
  name: "orchestrator",
  purpose: "the sagas that span services",
  accepts: [],
  publishes: [SagaAdvanced, SagaOperated],
  sends,
  subscribes: subscribes.map((event) => ({ event, by: "correlation" })),
  calls: [],
  commandsItself: true,
  variables: ["SAGA_LIMITS"],
  internalPort: 9108,
});
