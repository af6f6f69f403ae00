/**
 * What the orchestrator tells everyone. Nobody may ask it for anything: sagas are started by events.
 *
 * @module
 */
import { defineSagaEvent, defineSagaOperatedEvent } from "@mesh/saga";

/**
 * A saga has moved on: what came, what was asked, where it stands, when it comes back by itself.
 *
 * One per turn of a saga, in the stream `orchestrator/<saga>/<correlation>`; for an order the correlation is its id.
 */
export const SagaAdvanced = defineSagaEvent("orchestrator.saga-advanced");

/**
 * An operator has acted on a saga: moved its deadline, asked again, turned it back, settled a step by hand.
 *
 * In the same stream and of the same form, with the act and its reason as what came; who it was is in the envelope.
 */
export const SagaOperated = defineSagaOperatedEvent("orchestrator.saga-operated");

/** Every contract of the service, for locks and topology. */
export const contracts = [SagaAdvanced, SagaOperated];
