import { services } from "../topology.ts";
import type { ShopPorts } from "./shop_environment.ts";

/** Every fixed port of a development shop. */
export interface DevPorts {
  readonly shop: ShopPorts;
  readonly servers: { readonly amqp: number; readonly management: number; readonly postgres: number };
}

/** Ports that everybody can remember, plus an offset. */
export function devPorts(offset: number): DevPorts {
  const publicPort = services.find((service) => service.publicPort !== undefined)?.publicPort ?? 8080;
  return {
    shop: {
      gateway: publicPort + offset,
      internal: Object.fromEntries(services.map(({ name, internalPort }) => [name, internalPort + offset])),
      payment: 9201 + offset,
      carrier: 9202 + offset,
      smtp: 9203 + offset,
      mailPage: 9204 + offset,
    },
    servers: { amqp: 9301 + offset, management: 9302 + offset, postgres: 9303 + offset },
  };
}

/**
 * Says what each port is for.
 *
 * @param withServers Whether the servers are ours; those of the environment have ports of their own.
 */
export function portPurposes({ shop, servers }: DevPorts, withServers: boolean): ReadonlyMap<number, string> {
  const { gateway, internal, payment, carrier, smtp, mailPage } = shop;
  return new Map<number, string>([
    [gateway, "the shop"],
    ...Object.entries(internal).map(([name, port]) => [port, `the internal port of ${name}`] as const),
    [payment, "the simulated payment provider"],
    [carrier, "the simulated carrier"],
    [smtp, "the mail sink"],
    [mailPage, "the page of the mail sink"],
    ...(withServers
      ? [
        [servers.amqp, "RabbitMQ"],
        [servers.management, "RabbitMQ's management"],
        [servers.postgres, "PostgreSQL"],
      ] as const
      : []),
  ]);
}
