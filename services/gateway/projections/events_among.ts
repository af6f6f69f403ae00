import type { AnyContract, EventContract } from "@mesh/contract";

/**
 * Picks the events out of everything that services have published. A row takes whole streams: an event that was left out
 * would be a gap in it for ever.
 */
export function eventsAmong(contracts: readonly AnyContract[]): readonly EventContract[] {
  return contracts.filter((contract): contract is EventContract => contract.kind === "event");
}
