import type { ManagementAccess } from "./management.ts";

/** A broker or database server, and what a chaos test may do to it. */
export interface Server {
  /** Ends it as a power cut would; what was stored stays, and its ports stay the same. */
  kill(): Promise<void>;
  /** Starts it again on the data it has and waits until it serves. Does nothing while it runs. */
  start(): Promise<void>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Log of the server on this machine, where there is one. */
  readonly logFile: string | undefined;
}

/** A RabbitMQ. */
export interface BrokerServer extends Server {
  /** URL of an administrator, vhost `/`. */
  readonly amqpUrl: string;
  readonly management: ManagementAccess;
  /** Deletes all that it holds, users and queues included; only while it is down. */
  wipe(): Promise<void>;
}

/** A PostgreSQL. */
export interface PostgresServer extends Server {
  /** URL of a superuser, database `postgres`. */
  readonly adminUrl: string;
}
