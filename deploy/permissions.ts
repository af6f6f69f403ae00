import { runtimeVariables } from "@mesh/runtime";
import type { ServiceDefinition } from "@mesh/contract";

/** Variables that Deno's own telemetry reads; they need no permission, but a child must be given them. */
export const telemetryVariables: readonly string[] = [
  "OTEL_DENO",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_SERVICE_NAME",
  "OTEL_BSP_SCHEDULE_DELAY",
];

/**
 * Garbage is collected on the service's own thread. V8's helper threads are for heaps of gigabytes; a service that mostly
 * waits pays for waking them with a tenth of its processor time and a tenth of its latency, and wins nothing under load.
 *
 * The whole heap is looked through when it has grown to 96 MB, and not before: a service has about 25 MB that live, and V8
 * would let it grow to 45 and look through all of it every second.
 */
export const engineFlag = "--v8-flags=--single-threaded-gc,--initial-heap-size=96";

/**
 * Lists the environment variables that a service may read.
 *
 * @returns Names, sorted, each once.
 */
export function variablesOf({ variables = [], external = [] }: ServiceDefinition): readonly string[] {
  return [...new Set([...runtimeVariables, ...variables, ...external.map(({ urlVariable }) => urlVariable)])].sort();
}

/**
 * Works out the least permissions that a service needs from its contract and its environment: the hosts that its variables
 * name, its own listeners, the files that they name, and the variables themselves. Nothing may be run, written or loaded.
 *
 * @param env What the process will be given; variables that end in `_URL` name peers, `_FILE` and `_FOLDER` what is read.
 * @returns Flags for `deno run`.
 */
export function denoFlags(service: ServiceDefinition, env: Readonly<Record<string, string>>): readonly string[] {
  const names = variablesOf(service);
  const known = names.flatMap((name) => env[name] === undefined ? [] : [[name, env[name]] as const]);
  const hosts = known.filter(([name]) => name.endsWith("_URL")).map(([, value]) => hostOf(value));
  const peers = (env.MESH_PEERS ?? "").split(",").filter((entry) => entry !== "")
    .map((entry) => hostOf(entry.slice(entry.indexOf("=") + 1)));
  const listeners = [`${env.MESH_INTERNAL_HOST ?? "127.0.0.1"}:${env.MESH_INTERNAL_PORT ?? service.internalPort}`];
  if (service.publicPort !== undefined) {
    listeners.push(`${env.GATEWAY_HOST ?? "127.0.0.1"}:${env.GATEWAY_PORT ?? service.publicPort}`);
  }
  const files = known.filter(([name]) => /_(FILE|FOLDER)$/.test(name)).map(([, value]) => value);
  return [
    "--no-prompt",
    "--cached-only",
    "--frozen",
    engineFlag,
    `--allow-env=${names.join(",")}`,
    // What the driver asks for beyond that (PGHOST and a dozen more) is answered "not set" instead of ending the process.
    "--ignore-env",
    `--allow-net=${[...new Set([...listeners, ...hosts, ...peers])].sort().join(",")}`,
    `--allow-read=${[...new Set(files)].sort().join(",")}`,
  ];
}

/** Default ports by scheme, where a URL leaves its port out. */
const defaultPorts: Readonly<Record<string, string>> = {
  "amqp:": "5672",
  "amqps:": "5671",
  "postgres:": "5432",
  "postgresql:": "5432",
  "http:": "80",
  "https:": "443",
  "smtp:": "25",
  "smtps:": "465",
};

function hostOf(text: string): string {
  const url = new URL(text);
  return `${url.hostname}:${url.port || defaultPorts[url.protocol] || ""}`;
}
