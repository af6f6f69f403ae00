import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** What a developer may choose. */
export interface DevOptions {
  /** Added to every port, so that two clones can run at once. */
  readonly portOffset: number;
  /** Whether a changed file restarts what it belongs to. */
  readonly isWatching: boolean;
  /** Lowest level that the services log. */
  readonly logLevel: string;
  /** Whether the shop starts with no data; what was there is removed. */
  readonly isFresh: boolean;
  /** Folder of the data; one that belongs to this clone when absent. */
  readonly stateFolder?: string;
}

/** What `--help` prints. */
export const helpText = `Starts the whole shop on this machine: servers, simulators, services, seed data.

Usage: make dev, or deno task dev [options]

  --fresh               start without the data of earlier times
  --no-watch            do not restart a service when its files change
  --log-level <level>   debug, info (default), warning or error
  --port-offset <n>     add n to every port (default 0), to run a second shop
  --state-dir <folder>  keep the data there instead of in a folder that belongs to this clone
  --help                show this text

Ports on 127.0.0.1: shop 8080, internal 9100 to 9110, simulators 9201 to 9204, RabbitMQ 9301 and 9302, PostgreSQL 9303.
RabbitMQ and PostgreSQL come from MESH_AMQP_URL, MESH_RABBITMQ_MANAGEMENT_URL and MESH_POSTGRES_URL if they are set,
else from this machine, a container engine, or the distribution's packages.
Ctrl-C stops everything and keeps the data; a second one does not wait. make clean removes the data.
Exit code: 0 after Ctrl-C, 1 if the shop cannot start, 130 if it was made to stop at once.
`;

/**
 * Reads the command line.
 *
 * @returns The options, or `undefined` if help is asked for.
 * @throws {ConfigError} If it is wrong; the message says what is known.
 */
export function readDevOptions(args: readonly string[]): DevOptions | undefined {
  const { help, fresh = false, ...rest } = readFlags(args);
  if (help === true) return undefined;
  const portOffset = Number(rest["port-offset"] ?? "0");
  // The highest port of ours is 9303; the broker's tools need some beyond the highest free one.
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset > 40_000) {
    throw new ConfigError(
      `Cannot start: --port-offset is "${rest["port-offset"]}", not a whole number from 0 to 40000`,
    );
  }
  const logLevel = rest["log-level"] ?? "info";
  if (!["debug", "info", "warning", "error"].includes(logLevel)) {
    throw new ConfigError(`Cannot start: --log-level is "${logLevel}", not debug, info, warning or error`);
  }
  const stateFolder = rest["state-dir"];
  if (stateFolder !== undefined && !stateFolder.startsWith("/")) {
    throw new ConfigError(`Cannot start: --state-dir is "${stateFolder}", not an absolute path`);
  }
  return {
    portOffset,
    isWatching: rest["no-watch"] !== true,
    logLevel,
    isFresh: fresh,
    ...(stateFolder === undefined ? {} : { stateFolder }),
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        "help": { type: "boolean", short: "h" },
        "fresh": { type: "boolean" },
        "no-watch": { type: "boolean" },
        "log-level": { type: "string" },
        "port-offset": { type: "string" },
        "state-dir": { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(`Cannot start: ${errorText(error)}; --help lists the options`, { cause: error });
  }
}
