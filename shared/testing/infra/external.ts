import { ConfigError } from "@mesh/base";
import { managementFromUrl } from "./management.ts";
import type { BrokerServer, PostgresServer, Server } from "./server.ts";

/** A broker that somebody else runs: usable, but not ours to stop, kill or wipe. */
export function externalBroker(amqpUrl: string, managementUrl: string): BrokerServer {
  const refuse = refusal("RabbitMQ", "MESH_AMQP_URL");
  return { ...untouchable(refuse), amqpUrl, management: managementFromUrl(managementUrl), wipe: () => refuse("wipe") };
}

/** A database server that somebody else runs. */
export function externalPostgres(adminUrl: string): PostgresServer {
  return { ...untouchable(refusal("PostgreSQL", "MESH_POSTGRES_URL")), adminUrl };
}

function untouchable(refuse: (verb: string) => Promise<never>): Server {
  return {
    kill: () => refuse("kill"),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    logFile: undefined,
  };
}

function refusal(server: string, variable: string): (verb: string) => Promise<never> {
  return (verb) =>
    Promise.reject(
      new ConfigError(`Cannot ${verb} ${server}: it was given by ${variable} and belongs to somebody else`),
    );
}
