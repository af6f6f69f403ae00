/**
 * What the orchestrator tells everyone. Nobody may ask it for anything: sagas are started by events.
 *
 * @module
 */
import { defineSagaEvent } from "@mesh/saga";

/**
 * A saga has moved on: what came, what was asked, where it stands, when it comes back by itself.
 *
 * One per turn of a saga, in the stream `orchestrator/<saga>/<correlation>`; for an order the correlation is its id.
 */
export const SagaAdvanced = defineSagaEvent("orchestrator.saga-advanced");

/** Every contract of the service, for locks and topology. */
export const contracts = [SagaAdvanced];
