import { commandsExchange, type Destination, eventsExchange, type ServiceDefinition } from "@mesh/contract";
import { intakeStems } from "./service_topology.ts";

/**
 * Makes a predicate that says whether a message with this destination can reach the service's mailbox.
 *
 * Receivers compare the signed destination with it, so that a message that was moved into a foreign mailbox is refused.
 *
 * @returns Whether one of the service's bindings takes the destination; constant time per call.
 */
export function subscriptionTable(service: ServiceDefinition): (destination: Destination) => boolean {
  const { commands, eventsByKey, eventsByCorrelation } = intakeStems(service);
  const stems = new Map<string, ReadonlySet<string>>([
    [commandsExchange, new Set(commands)],
    [eventsExchange, new Set([...eventsByKey, ...eventsByCorrelation])],
  ]);
  return ({ exchange, routingKey }) => {
    const shape = exchange === commandsExchange ? commandKey : eventKey;
    const stem = shape.exec(routingKey)?.[1];
    return stem !== undefined && stems.get(exchange)?.has(stem) === true;
  };
}

const commandKey = /^([^.]+\.[^.]+\.v[0-9]+)\.k[0-6][0-9]$/;
const eventKey = /^([^.]+\.[^.]+\.v[0-9]+)\.k[0-6][0-9]\.c[0-6][0-9]$/;
