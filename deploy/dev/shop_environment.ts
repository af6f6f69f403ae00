import type { ServiceDefinition } from "@mesh/contract";
import { withUser, withVhost } from "@mesh/testing/infra";
import { telemetryVariables } from "../permissions.ts";
import { processVariables } from "../process_variables.ts";
import { peersOf } from "../topology.ts";
import type { ShopFiles } from "./provide_files.ts";
import type { ShopSecrets } from "./shop_secrets.ts";

/** Ports of one shop on loopback. */
export interface ShopPorts {
  /** Public port of the gateway. */
  readonly gateway: number;
  /** Internal port by service. */
  readonly internal: Readonly<Record<string, number>>;
  readonly payment: number;
  readonly carrier: number;
  readonly smtp: number;
  readonly mailPage: number;
}

/** What the environment of a service is made from. */
export interface EnvironmentPlan {
  readonly ports: ShopPorts;
  readonly secrets: ShopSecrets;
  readonly files: ShopFiles;
  /** By service. */
  readonly databaseUrls: Readonly<Record<string, string>>;
  readonly brokerUrl: string;
  readonly vhost: string;
  readonly partitions: number;
  /** `MESH_SETTINGS`: JSON that replaces single defaults of the runtime. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Waits of sagas, where they differ from the defaults. */
  readonly sagaLimits: Readonly<Record<string, number>>;
  /** File with accounts that are to exist. */
  readonly seedFile?: string;
  readonly logFormat: "pretty" | "json";
  readonly logLevel: string;
  /** Variables of this process, for telemetry and the cache of Deno. */
  readonly inherited: Readonly<Record<string, string>>;
  /** Variables by service that replace or add to the others. */
  readonly extra: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Name that access tokens of a development shop are issued and checked under. */
const issuer = "http://users.jangteo.test";
const audience = "jangteo";

/** Variables of the surrounding process that Deno itself needs, and the mark by which a test run finds its processes. */
export const passedOn: readonly string[] = [
  "HOME",
  "PATH",
  "DENO_DIR",
  "XDG_CACHE_HOME",
  "LANG",
  "TZ",
  "NO_COLOR",
  "MESH_TEST_RUN",
];

/** The environment of one service process. */
export function environmentOf(service: ServiceDefinition, plan: EnvironmentPlan): Readonly<Record<string, string>> {
  const { ports, secrets, files, databaseUrls, settings, inherited } = plan;
  const { name } = service;
  const internal = (peer: string) => `http://127.0.0.1:${ports.internal[peer]}`;
  const own = secrets.services[name]!;
  return {
    ...pick(inherited, [...passedOn, ...telemetryVariables]),
    DENO_NO_UPDATE_CHECK: "1",
    ...processVariables(service),
    MESH_AMQP_URL: withVhost(withUser(plan.brokerUrl, name, own.broker), plan.vhost),
    MESH_POSTGRES_URL: databaseUrls[name]!,
    MESH_SIGNING_KEY_FILE: files.signingKeyFiles[name]!,
    MESH_KEYS_FOLDER: files.keysFolder,
    MESH_POLICY_FILE: files.policyFile,
    MESH_PEERS: peersOf(service).map((peer) => `${peer}=${internal(peer)}`).join(","),
    MESH_INTERNAL_HOST: "127.0.0.1",
    MESH_INTERNAL_PORT: String(ports.internal[name]),
    MESH_PARTITIONS: String(plan.partitions),
    MESH_SETTINGS: JSON.stringify(settings),
    ACCESS_TOKEN_ISSUER: issuer,
    ACCESS_TOKEN_AUDIENCE: audience,
    ACCESS_TOKEN_JWKS_URL: `${internal("users")}/.well-known/jwks.json`,
    LOG_FORMAT: plan.logFormat,
    LOG_LEVEL: plan.logLevel,
    ...ownVariables(service, plan),
    ...plan.extra[name],
  };
}

function ownVariables({ name }: ServiceDefinition, plan: EnvironmentPlan): Readonly<Record<string, string>> {
  const { ports, files, seedFile, sagaLimits } = plan;
  switch (name) {
    case "users":
      return {
        USERS_TOKEN_KEY_FILE: files.tokenKeyFile,
        ...(seedFile === undefined ? {} : { USERS_SEED_FILE: seedFile }),
      };
    case "payments":
      return {
        PAYMENT_PROVIDER_URL: `http://127.0.0.1:${ports.payment}`,
        PAYMENT_PROVIDER_KEY_FILE: files.paymentKeyFile,
      };
    case "shipping":
      return { CARRIER_URL: `http://127.0.0.1:${ports.carrier}` };
    case "notifications":
      return { SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`, MAIL_FROM: "Jangteo <orders@jangteo.test>" };
    case "orchestrator":
      return { SAGA_LIMITS: JSON.stringify(sagaLimits) };
    case "gateway":
      return { GATEWAY_HOST: "127.0.0.1", GATEWAY_PORT: String(ports.gateway) };
    default:
      return {};
  }
}

/** Those of the variables that are set. */
export function pick(from: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => from[name] === undefined ? [] : [[name, from[name]]]));
}
