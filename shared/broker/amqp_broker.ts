import type { Clock } from "@mesh/base";
import { openAmqpSession } from "./amqp_session.ts";
import type { Broker } from "./broker.ts";
import { connectOver } from "./linked_broker.ts";
import type { BrokerLogger } from "./transport.ts";

/** Where, as whom and how patiently to connect. */
export interface AmqpBrokerOptions {
  /** `amqp://` or `amqps://` URL with user, password and vhost; the user is every message's `user_id`. */
  readonly url: string;
  /** Shown in the broker's list of connections; name the service and the process, so that back-off spreads them. */
  readonly connectionName: string;
  readonly clock: Clock;
  readonly logger?: BrokerLogger;
  /** Ends the wait for the first connection. */
  readonly signal?: AbortSignal;
  /** Longest wait for the first connection, 60,000 by default; later ones are tried for ever. */
  readonly connectLimitMs?: number;
  /** Longest wait for a confirm, 10,000 by default. */
  readonly confirmLimitMs?: number;
  /** Unconfirmed publishes at most, 20,000 by default: twice what the runtime's publisher holds. */
  readonly windowMax?: number;
  /** PEM certificates to trust, for `amqps`. */
  readonly ca?: string;
}

/**
 * Connects to RabbitMQ, with one connection for publishing and one for consuming, and stays connected.
 *
 * Two connections, because a broker that is short of memory stops reading from a connection that publishes, and
 * acknowledgements must still get through.
 *
 * @returns The broker, connected.
 * @throws {UnavailableError} If the first connection does not stand within `connectLimitMs`, or `signal` aborted.
 *
 * @example Publish one event
 * ```ts ignore
 * import { systemClock } from "@mesh/base";
 * import { connectBroker } from "@mesh/broker";
 *
 * await using broker = await connectBroker({
 *   url: "amqp://orders:secret@127.0.0.1:5682/mesh",
 *   connectionName: "orders-0",
 *   clock: systemClock,
 * });
 * const publisher = await broker.openPublisher();
 * await publisher.publish({
 *   exchange: "mesh.events",
 *   routingKey: "orders.order-placed.v1.k07.c07",
 *   body: new TextEncoder().encode("eyJhbGciOiJFZDI1NTE5In0.e30.c2ln"),
 *   messageId: "0197b3c0-0000-7000-8000-000000000001",
 *   type: "orders.order-placed",
 *   isMandatory: false,
 *   headers: {},
 * });
 * ```
 */
export function connectBroker(options: AmqpBrokerOptions): Promise<Broker> {
  const { clock, connectionName, logger, signal, connectLimitMs = 60_000, url, ca } = options;
  const { confirmLimitMs = 10_000, windowMax = 20_000 } = options;
  const bounds = { clock, logger, confirmLimitMs, windowMax, ca };
  return connectOver({
    transport: {
      connect: (purpose) => openAmqpSession({ ...bounds, url, connectionName: `${connectionName} ${purpose}` }),
    },
    name: connectionName,
    clock,
    logger,
    signal,
    connectLimitMs,
  });
}
