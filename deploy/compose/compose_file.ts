import type { ServiceDefinition } from "@mesh/contract";
import { denoFlags, variablesOf } from "../permissions.ts";
import { services } from "../topology.ts";
import { broker, databaseHost, nonRootUser, simulators } from "../manifests/cluster.ts";
import { dev } from "../manifests/installation.ts";
import { keyFiles, seedFile, seedVariable, signingKeyFile } from "../manifests/secret_names.ts";
import { addressVariables } from "../manifests/service_environment.ts";
import { simulatorsFlags, simulatorsFolder } from "../manifests/simulators.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * What all passwords of the shop in containers are made of. It stands in the open as long as nobody sets another one, which
 * is why every port is published on loopback only.
 */
const secret = "${JANGTEO_SECRET:-for-this-machine-only}";

/** Where the keys are that `provision` makes. */
export const stateFolder = "/var/lib/jangteo";

/** Variables that this shop sets apart from those of a development cluster: one replica, logs for people. */
const ownSettings: Readonly<Record<string, string>> = Object.freeze({
  LOG_FORMAT: "pretty",
  MESH_ORDINAL: "0",
});

/** The whole shop in containers: `docker compose up`. */
export function composeFile(): Fields {
  return {
    name: "jangteo",
    services: {
      [broker]: brokerContainer(),
      postgres: postgresContainer(),
      provision: provisionContainer(),
      [simulators]: simulatorsContainer(),
      ...Object.fromEntries(services.map((service) => [service.name, serviceContainer(service)])),
    },
    volumes: { "broker-data": {}, "postgres-data": {}, "shop-keys": {}, "simulators-state": {} },
  };
}

/** The environment of a service's container; the names are those that the supervisor of `make dev` sets, too. */
export function composeEnvironment(service: ServiceDefinition): Readonly<Record<string, string>> {
  const { name, variables = [] } = service;
  const files = Object.entries({ ...keyFiles, [seedVariable]: seedFile }).filter(([variable]) =>
    variables.includes(variable)
  );
  // No proxy is in front.
  const { GATEWAY_PROXY_HOPS: _, ...shared } = dev.settings;
  const settings = Object.entries({ ...shared, ...ownSettings }).filter(([variable]) =>
    variablesOf(service).includes(variable)
  );
  const password = `${secret}-${name}`;
  const addresses = Object.entries(addressVariables(service, dev.external)).map(([variable, value]) => [
    variable,
    value.replace(/\$\((BROKER|DATABASE)_PASSWORD\)/, () => password),
  ]);
  return {
    ...Object.fromEntries(addresses),
    MESH_SIGNING_KEY_FILE: `${stateFolder}/${name}.${signingKeyFile}`,
    MESH_KEYS_FOLDER: `${stateFolder}/public-keys`,
    MESH_POLICY_FILE: `${stateFolder}/emit-policy.json`,
    ...Object.fromEntries(files.map(([variable, file]) => [variable, `${stateFolder}/${file}`])),
    ...Object.fromEntries(settings),
  };
}

function serviceContainer(service: ServiceDefinition): Fields {
  const { name, internalPort, publicPort } = service;
  const environment = composeEnvironment(service);
  const reachable = [internalPort, ...(publicPort === undefined ? [] : [publicPort])];
  return {
    ...ownImage(name),
    command: ["run", ...denoFlags(service, environment), `services/${name}/main.ts`],
    environment,
    depends_on: {
      provision: { condition: "service_completed_successfully" },
      ...(service.external === undefined ? {} : { [simulators]: { condition: "service_healthy" } }),
    },
    healthcheck: healthOf(`http://127.0.0.1:${internalPort}/health/ready`),
    ports: reachable.map(onLoopback),
    volumes: [`shop-keys:${stateFolder}:ro`],
    ...hardened,
    restart: "unless-stopped",
    stop_grace_period: "40s",
  };
}

/** What a container of our own code may do: nothing beyond its own process. */
const hardened: Fields = Object.freeze({
  user: `${nonRootUser}:${nonRootUser}`,
  read_only: true,
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"],
});

function ownImage(service: string): Fields {
  return {
    image: `jangteo/${service}:dev`,
    build: { context: ".", dockerfile: "deploy/docker/Dockerfile", args: { SERVICE: service } },
  };
}

/** Asked by the image's own Deno, because there is no other program in it. */
function healthOf(url: string): Fields {
  const { host } = new URL(url);
  const command = [
    "/bin/deno",
    "run",
    "--no-prompt",
    "--cached-only",
    `--allow-net=${host}`,
    "deploy/docker/health/main.ts",
  ];
  return { test: ["CMD", ...command, url], interval: "5s", timeout: "5s", retries: 24, start_period: "10s" };
}

function provisionContainer(): Fields {
  const environment = {
    DENO_NO_UPDATE_CHECK: "1",
    JANGTEO_SECRET: secret,
    MESH_MANAGEMENT_URL: `http://admin:${secret}-admin@${broker}:15672`,
    MESH_ADMIN_URL: `postgres://postgres:${secret}-admin@postgres:5432/postgres`,
    MESH_STATE_FOLDER: stateFolder,
    MESH_PARTITIONS: dev.settings.MESH_PARTITIONS,
  };
  const flags = [
    "--no-prompt",
    "--cached-only",
    "--frozen",
    `--allow-env=${Object.keys(environment).filter((name) => !name.startsWith("DENO_")).join(",")}`,
    "--ignore-env",
    `--allow-net=postgres:5432,${broker}:15672`,
    `--allow-read=${stateFolder},services,shared/store/migrations`,
    `--allow-write=${stateFolder}`,
  ];
  return {
    ...ownImage("tools"),
    command: ["run", ...flags, "deploy/provision/main.ts", "compose"],
    environment,
    depends_on: { [broker]: { condition: "service_healthy" }, postgres: { condition: "service_healthy" } },
    volumes: [`shop-keys:${stateFolder}`],
    ...hardened,
    restart: "on-failure:10",
  };
}

function simulatorsContainer(): Fields {
  return {
    ...ownImage("tools"),
    command: ["run", ...simulatorsFlags, "tests/simulators/main.ts"],
    environment: { DENO_NO_UPDATE_CHECK: "1", SIMULATOR_HOST: "0.0.0.0", SIMULATOR_STATE_DIR: simulatorsFolder },
    healthcheck: healthOf("http://127.0.0.1:9204/mails"),
    ports: [9_201, 9_202, 9_203, 9_204].map(onLoopback),
    volumes: [`simulators-state:${stateFolder}`],
    ...hardened,
    restart: "unless-stopped",
  };
}

function brokerContainer(): Fields {
  return {
    image: "rabbitmq:4.3-management",
    // The name is part of the data's path: with a new one the broker would start empty.
    hostname: broker,
    environment: { RABBITMQ_DEFAULT_USER: "admin", RABBITMQ_DEFAULT_PASS: `${secret}-admin` },
    healthcheck: {
      test: ["CMD", "rabbitmq-diagnostics", "--quiet", "check_port_connectivity"],
      interval: "5s",
      timeout: "10s",
      retries: 24,
      start_period: "20s",
    },
    ports: [onLoopback(15_672)],
    volumes: ["broker-data:/var/lib/rabbitmq"],
    restart: "unless-stopped",
    stop_grace_period: "60s",
  };
}

function postgresContainer(): Fields {
  return {
    image: "postgres:18",
    environment: {
      POSTGRES_PASSWORD: `${secret}-admin`,
      POSTGRES_INITDB_ARGS: "--data-checksums --auth-host=scram-sha-256",
    },
    healthcheck: {
      // Over TCP: while it sets itself up, the server answers on its socket alone.
      test: ["CMD", "pg_isready", "--username=postgres", "--host=127.0.0.1"],
      interval: "2s",
      timeout: "5s",
      retries: 30,
      start_period: "10s",
    },
    networks: { default: { aliases: services.map(({ name }) => databaseHost(name)) } },
    volumes: ["postgres-data:/var/lib/postgresql"],
    restart: "unless-stopped",
    stop_grace_period: "60s",
  };
}

function onLoopback(port: number): string {
  return `127.0.0.1:${port}:${port}`;
}
