/**
 * The shop as data: every service, and everything that follows from what the services say about themselves. The only
 * module that knows all services; broker rights, emit policy, Deno permissions and mesh policies come from here.
 *
 * @module
 */
import { type BrokerTopology, brokerTopology } from "@mesh/broker";
import type { ServiceDefinition } from "@mesh/contract";
import { type EmitPolicy, emitPolicyFrom } from "@mesh/envelope";
import { service as audit } from "@shop/audit/service";
import { service as catalog } from "@shop/catalog/service";
import { service as gateway } from "@shop/gateway/service";
import { service as inventory } from "@shop/inventory/service";
import { service as notifications } from "@shop/notifications/service";
import { service as orchestrator } from "@shop/orchestrator/service";
import { service as orders } from "@shop/orders/service";
import { service as payments } from "@shop/payments/service";
import { service as shipping } from "@shop/shipping/service";
import { service as users } from "@shop/users/service";

/** All services, in the order in which people read them. */
export const services: readonly ServiceDefinition[] = Object.freeze([
  gateway,
  users,
  catalog,
  orders,
  inventory,
  payments,
  shipping,
  notifications,
  orchestrator,
  audit,
]);

/** The virtual host that the shop has at the broker. */
export const vhost = "mesh";

/**
 * Finds a service by name.
 *
 * @throws {RangeError} If there is none of that name; the message lists those that there are.
 */
export function serviceNamed(name: string): ServiceDefinition {
  const found = services.find((service) => service.name === name);
  if (found === undefined) {
    throw new RangeError(
      `Cannot find service "${name}": there are ${services.map((service) => service.name).join(", ")}`,
    );
  }
  return found;
}

/** Who may say what and call whom. */
export function emitPolicy(): EmitPolicy {
  return emitPolicyFrom(services);
}

/**
 * Everything that the broker must hold.
 *
 * @param partitions Mailbox partitions of each service; 1 in development, 8 in production.
 * @param tiersMs Waits of the retry tiers; the defaults when absent.
 */
export function shopTopology(partitions: number, tiersMs?: readonly number[]): BrokerTopology {
  return brokerTopology(services, { partitions, ...(tiersMs === undefined ? {} : { tiersMs }) });
}

/**
 * Names the services whose internal port a service calls: those it names, and the owners of what it subscribes to.
 */
export function peersOf(service: ServiceDefinition): readonly string[] {
  const owners = service.readsAllFeeds === true
    ? services.map(({ name }) => name)
    : service.subscribes.map(({ event }) => event.service);
  const named = new Set([...service.calls, ...owners]);
  return services.map(({ name }) => name).filter((name) => name !== service.name && named.has(name)).sort();
}
