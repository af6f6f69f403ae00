import { type CommandContract, contractRegistry, type EventContract } from "@mesh/contract";
import { answersOf, commandsOf } from "./define_saga.ts";
import type { Saga } from "./definition.ts";

/** What the host of some sagas says of itself; for its service definition. */
export interface SagaContracts {
  /** Commands that start them; the host's own. */
  readonly accepts: readonly CommandContract[];
  /** Events that start, answer or stop them. Subscribe to them by correlation. */
  readonly subscribes: readonly EventContract[];
  /** Commands that they send. */
  readonly sends: readonly CommandContract[];
}

/**
 * Lists what sagas hear and say, each contract once.
 *
 * @param sagas All versions of all sagas of one host.
 * @throws {ContractError} If two different contracts share type and version.
 */
export function sagaContracts(sagas: readonly Saga[]): SagaContracts {
  const heard = contractRegistry(sagas.flatMap(heardBy)).all;
  return {
    accepts: heard.filter((contract): contract is CommandContract => contract.kind === "command"),
    subscribes: heard.filter((contract): contract is EventContract => contract.kind === "event"),
    sends: contractRegistry(sagas.flatMap(commandsOf)).all as readonly CommandContract[],
  };
}

/** @returns Every message that may come to the saga; some may be listed twice. */
export function heardBy(saga: Saga): readonly (EventContract | CommandContract)[] {
  return [saga.startedBy, ...answersOf(saga), ...(saga.cancelledBy ? [saga.cancelledBy.event] : [])];
}
