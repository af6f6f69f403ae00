import { randomBytes, randomUUID } from "node:crypto";
import { systemClock } from "@mesh/base";
import { type AmqpBrokerOptions, connectBroker } from "../amqp_broker.ts";
import type { Broker } from "../broker.ts";
import { definitionsOf, hashPassword } from "../definitions.ts";
import { ManagementClient } from "../management.ts";
import type { BrokerTopology } from "../topology.ts";
import { TcpProxy } from "./tcp_proxy.ts";
import type { ConformanceWorld } from "./world.ts";

/** A real RabbitMQ and an administrator of it. */
export interface AmqpServer {
  readonly amqpUrl: string;
  readonly management: { readonly url: string; readonly user: string; readonly password: string };
}

/** A vhost of a real RabbitMQ, reached through a proxy that can cut and hold. */
export class AmqpWorld implements ConformanceWorld {
  readonly proxy: TcpProxy;
  readonly management: ManagementClient;
  readonly #amqpUrl: string;
  readonly #topology: BrokerTopology;
  readonly #brokers: Broker[] = [];

  private constructor({ amqpUrl, management }: AmqpServer, topology: BrokerTopology) {
    const { hostname, port } = new URL(amqpUrl);
    this.#amqpUrl = amqpUrl;
    this.#topology = topology;
    this.management = new ManagementClient({ ...management, vhost: `conformance-${randomUUID()}` });
    this.proxy = new TcpProxy({ hostname, port: Number(port || 5672) });
  }

  /** Makes a vhost and loads the topology into it. */
  static async open(server: AmqpServer, topology: BrokerTopology): Promise<AmqpWorld> {
    const world = new AmqpWorld(server, topology);
    await world.management.createVhost();
    await world.restore();
    return world;
  }

  /** URL of a user of the topology, through the proxy. */
  urlOf(user: string): string {
    const url = new URL(this.#amqpUrl);
    url.username = user;
    url.password = password;
    url.hostname = "127.0.0.1";
    url.port = String(this.proxy.port);
    url.pathname = `/${this.management.vhost}`;
    return url.href;
  }

  async connect(user: string, changes: Partial<AmqpBrokerOptions> = {}): Promise<Broker> {
    const broker = await connectBroker({
      url: this.urlOf(user),
      connectionName: `${user} of ${this.management.vhost}`,
      clock: systemClock,
      ...changes,
    });
    this.#brokers.push(broker);
    return broker;
  }

  cutConnections(): void {
    this.proxy.cut();
  }

  holdAnswers(): void {
    this.proxy.hold();
  }

  async deleteQueue(name: string): Promise<void> {
    await this.management.call("DELETE", `/api/queues/{vhost}/${encodeURIComponent(name)}`);
  }

  async restore(): Promise<void> {
    const hash = hashPassword(password, salt);
    const passwordHashes = Object.fromEntries(this.#topology.users.map(({ name }) => [name, hash]));
    const { vhost } = this.management;
    await this.management.importDefinitions(definitionsOf(this.#topology, { vhost, passwordHashes }));
  }

  passTime(): Promise<void> {
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.release();
    await Promise.all(this.#brokers.map((broker) => broker[Symbol.asyncDispose]()));
    await this.proxy[Symbol.asyncDispose]();
    await this.management.deleteVhost();
  }
}

/** Users belong to the whole server: one password and one salt for all worlds of a run, so that none disturbs another. */
const password = randomBytes(16).toString("hex");
const salt = new Uint8Array(randomBytes(4));
