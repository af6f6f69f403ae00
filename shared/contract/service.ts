import { ContractError } from "@mesh/base";
import type { AnyContract, CommandContract, EventContract } from "./define.ts";

/** Another service's event that this one wants in its mailbox. */
export interface Subscription {
  readonly event: EventContract;
  /** Which slot of the event picks the partition: that of its actor key, or that of its correlation. */
  readonly by: "key" | "correlation";
}

/** An address outside the mesh that a service calls, given as a URL in its environment. */
export interface ExternalDependency {
  /** For example `"payment-provider"`. */
  readonly name: string;
  /** Environment variable that holds its URL, for example `"PAYMENT_PROVIDER_URL"`. */
  readonly urlVariable: string;
}

/**
 * What one service says about itself: everything that broker rights, emit policy, Deno permissions and mesh
 * policies are generated from.
 */
export interface ServiceDefinition {
  /** One word, the same everywhere: folder, queue, broker user, database, issuer, workload. */
  readonly name: string;
  /** One line for people. */
  readonly purpose: string;
  /** Commands that this service handles. */
  readonly accepts: readonly CommandContract[];
  /** Events that this service records; it alone may say them. */
  readonly publishes: readonly EventContract[];
  /** Commands that it sends to other services. */
  readonly sends: readonly CommandContract[];
  /** Events of others that enter its mailbox. */
  readonly subscribes: readonly Subscription[];
  /** Services whose internal HTTP routes it calls (feeds of the owners of its subscriptions come on top). */
  readonly calls: readonly string[];
  /** Reads every service's feed; for the audit log and analytics, which have no mailbox. */
  readonly readsAllFeeds?: boolean;
  /** Uses timers or effects, so it sends commands to itself. */
  readonly commandsItself?: boolean;
  /** External parties that its effects call. */
  readonly external?: readonly ExternalDependency[];
  /** Environment variables that it reads besides the runtime's and those of `external`. */
  readonly variables?: readonly string[];
  /** Port of its internal HTTP listener in development, 9100 to 9110. */
  readonly internalPort: number;
  /** Port of its public HTTP listener, where it has one. */
  readonly publicPort?: number;
}

/**
 * Checks and freezes a service's definition.
 *
 * @returns The same definition, frozen.
 * @throws {ContractError} If a contract is listed where another service owns it, or twice.
 */
export function defineService(definition: ServiceDefinition): ServiceDefinition {
  const { name, accepts, publishes, sends, subscribes } = definition;
  const complain = (what: string, contract: AnyContract) => {
    throw new ContractError(`Cannot define service "${name}": it ${what} "${contract.type}"`);
  };
  for (const contract of accepts) if (contract.service !== name) complain("does not own the command", contract);
  for (const contract of publishes) if (contract.service !== name) complain("does not own the event", contract);
  for (const contract of sends) if (contract.service === name) complain("sends to itself", contract);
  for (const { event } of subscribes) if (event.service === name) complain("subscribes to its own", event);
  const named = [...accepts, ...publishes, ...sends, ...subscribes.map(({ event }) => event)];
  const seen = new Set<string>();
  for (const contract of named) {
    const id = `${contract.type}#${contract.version}`;
    if (seen.has(id)) complain("names twice", contract);
    seen.add(id);
  }
  return Object.freeze(definition);
}

/** Whether the service has a mailbox at all. */
export function hasMailbox(service: ServiceDefinition): boolean {
  return service.accepts.length > 0 || service.subscribes.length > 0 || service.commandsItself === true;
}
