import { errorText, systemClock, UnavailableError } from "@mesh/base";
import { findFreePorts, type Infra, type PostgresServer, startInfra } from "@mesh/testing/infra";
import { serviceNamed, services, vhost as defaultVhost } from "../topology.ts";
import { type BrokerPlan, provideBroker } from "./provide_broker.ts";
import { provideDatabases } from "./provide_databases.ts";
import { provideFiles, type ShopFiles } from "./provide_files.ts";
import { type Child, type ChildSpec, startChild, untilReady } from "./service_process.ts";
import { environmentOf, type EnvironmentPlan, type ShopPorts } from "./shop_environment.ts";
import { putSeedProducts } from "./seed_products.ts";
import { writeSeedFile } from "./seed_accounts.ts";
import { readShopSecrets } from "./shop_secrets.ts";
import { serviceSpec, simulators, simulatorsSpec } from "./shop_processes.ts";

/** How a shop is to run. */
export interface ShopOptions {
  /** Folder of everything that it keeps. */
  readonly folder: string;
  /** Servers to use; started here (and stopped with the shop) when absent. */
  readonly infra?: Infra;
  /** Fixed ports, for development; free ones when absent. */
  readonly ports?: ShopPorts;
  readonly infraPorts?: { readonly amqp?: number; readonly management?: number; readonly postgres?: number };
  /** Where services find the broker, made from where it is: a proxy of a test. Where it is, when absent. */
  readonly brokerThrough?: (amqpUrl: string) => string;
  readonly vhost?: string;
  readonly databasePrefix?: string;
  /** Mailbox partitions of each service; 1 by default. */
  readonly partitions?: number;
  /** Replaces single settings of the runtime in every service; `tiersMs` also shapes the broker's tiers. */
  readonly settings?: Readonly<Record<string, unknown>> & { readonly tiersMs?: readonly number[] };
  readonly sagaLimits?: Readonly<Record<string, number>>;
  /** Whether the accounts and products of a development shop are to be there. */
  readonly isSeeded?: boolean;
  readonly extra?: EnvironmentPlan["extra"];
  /** Changes how a process is run, each time it is started; for tests. */
  readonly adapt?: (name: string, program: Pick<ChildSpec, "args" | "env">) => Pick<ChildSpec, "args" | "env">;
  readonly logFormat?: "pretty" | "json";
  readonly logLevel?: string;
  /** Whether the log may be coloured; false by default. */
  readonly isColoured?: boolean;
  /** Only these services; all by default. */
  readonly only?: readonly string[];
  /** Receives every line of every child. */
  readonly onLine?: (name: string, line: string) => void;
  /** Receives progress. */
  readonly log?: (line: string) => void;
  /** Ends the start early. */
  readonly signal?: AbortSignal;
}

/** A shop that runs. */
export interface Shop extends AsyncDisposable {
  readonly infra: Infra;
  readonly ports: ShopPorts;
  /** Where customers reach it. */
  readonly url: string;
  readonly folder: string;
  readonly vhost: string;
  readonly files: ShopFiles;
  /** Services that it was told to run, in the topology's order. */
  readonly serviceNames: readonly string[];
  /** URL of a service's internal port. */
  internalUrl(service: string): string;
  /** The environment that a service runs in, with its URLs of broker and database. */
  environmentOf(service: string): Readonly<Record<string, string>>;
  /** The process of a service, or of the simulators. */
  child(name: string): Child;
  /** Starts a service (or the simulators) again that has ended; does not wait for its readiness. */
  restart(name: string): Child;
  /** Waits until a service is ready. */
  untilReady(name: string, limitMs?: number): Promise<void>;
  /** Loads the topology into a broker that has lost it. */
  reloadBroker(): Promise<void>;
  /** Drains the services, then stops everything that was started here. */
  stop(): Promise<void>;
}

/** Waits of the retry tiers in development. */
const defaultTiersMs = [1_000, 10_000, 60_000, 600_000];
/** 60 s: a start on a busy machine. */
const readyLimitMs = 60_000;

/**
 * Starts the whole shop: servers, simulators, every service as a process of its own with the least permissions.
 *
 * @returns The shop, every service ready.
 * @throws {UnavailableError} If something does not become ready, or `signal` aborted; what was started is stopped again.
 * @throws {ConfigError} If a migration was changed after it had been applied to the databases in `folder`.
 */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const children = new Map<string, Child>();
  const owned: { infra?: Infra } = {};
  const stop = () => stopAll(children, owned.infra);
  try {
    const shop = await prepareShop(options, children, owned, stop);
    shop.restart(simulators);
    for (const name of shop.serviceNames) shop.restart(name);
    await Promise.all(shop.serviceNames.map((name) => shop.untilReady(name)));
    if (options.isSeeded === true) await putSeedProducts(shop.url, options.log ?? (() => {}));
    return shop;
  } catch (error) {
    await stop();
    throw error instanceof Error ? error : new UnavailableError(errorText(error));
  }
}

/** Brings about everything that processes need; starts none of them. */
async function prepareShop(
  options: ShopOptions,
  children: Map<string, Child>,
  owned: { infra?: Infra },
  stop: () => Promise<void>,
): Promise<Shop> {
  const { folder, log = () => {}, signal, vhost = defaultVhost, partitions = 1, onLine } = options;
  const { adapt = (_name, program) => program } = options;
  await Deno.mkdir(folder, { recursive: true, mode: 0o711 });
  const names = services.map(({ name }) => name);
  const secrets = await readShopSecrets(`${folder}/shop.secret`, names, options.infra?.broker.management.password);
  const files = await provideFiles(folder, secrets);
  const databasesOf = (postgres: PostgresServer) =>
    provideDatabases({
      postgres,
      secrets,
      databasePrefix: options.databasePrefix ?? "",
      nowMs: systemClock.nowMs(),
      log,
    });
  const tiersMs = options.settings?.tiersMs ?? defaultTiersMs;
  const brokerPlan = ({ broker }: Infra): BrokerPlan => ({ broker, secrets, vhost, partitions, tiersMs, log });
  const { infra, databaseUrls } = await provideServers(options, owned, { databasesOf, brokerPlan });
  const ports = options.ports ?? freePorts();
  const environment: EnvironmentPlan = {
    ports,
    secrets,
    files,
    databaseUrls,
    brokerUrl: options.brokerThrough?.(infra.broker.amqpUrl) ?? infra.broker.amqpUrl,
    vhost,
    partitions,
    settings: options.settings ?? {},
    sagaLimits: options.sagaLimits ?? {},
    ...(options.isSeeded === true ? { seedFile: await writeSeedFile(folder) } : {}),
    logFormat: options.logFormat ?? "json",
    logLevel: options.logLevel ?? "info",
    inherited: options.isColoured === true ? Deno.env.toObject() : { ...Deno.env.toObject(), NO_COLOR: "1" },
    extra: options.extra ?? {},
  };
  const internalUrl = (name: string) => `http://127.0.0.1:${ports.internal[name]}`;
  return {
    infra,
    ports,
    url: `http://127.0.0.1:${ports.gateway}`,
    folder,
    vhost,
    files,
    serviceNames: names.filter((name) => options.only?.includes(name) ?? true),
    internalUrl,
    environmentOf: (name) => environmentOf(serviceNamed(name), environment),
    child: (name) => childNamed(children, name),
    restart: (name) => {
      const spec = name === simulators
        ? simulatorsSpec(folder, environment)
        : serviceSpec(serviceNamed(name), environment);
      const child = startChild({ name, ...adapt(name, spec), workDir: folder, onLine: (line) => onLine?.(name, line) });
      children.set(name, child);
      return child;
    },
    untilReady: (name, limitMs = readyLimitMs) =>
      untilReady(childNamed(children, name), { url: `${internalUrl(name)}/health/ready`, limitMs, signal }),
    reloadBroker: () => provideBroker(brokerPlan(infra)),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Starts the servers where none are given. The databases are made while the broker, which takes longer, starts. */
async function provideServers(
  { infra: given, folder, infraPorts, log = () => {}, signal }: ShopOptions,
  owned: { infra?: Infra },
  provide: {
    readonly databasesOf: (server: PostgresServer) => Promise<Readonly<Record<string, string>>>;
    readonly brokerPlan: (infra: Infra) => BrokerPlan;
  },
): Promise<{ readonly infra: Infra; readonly databaseUrls: Readonly<Record<string, string>> }> {
  const serving = Promise.withResolvers<PostgresServer>();
  if (given !== undefined) serving.resolve(given.postgres);
  const starting = given !== undefined ? Promise.resolve(given) : startInfra({
    wants: ["rabbitmq", "postgres"],
    stateDir: `${folder}/servers`,
    log,
    ...(infraPorts === undefined ? {} : { ports: infraPorts }),
    onPostgres: serving.resolve,
  });
  const [servers, databases] = await Promise.allSettled([
    starting.then(async (infra) => {
      if (given === undefined) owned.infra = infra;
      if (signal?.aborted !== true) await provideBroker(provide.brokerPlan(infra));
      return infra;
    }).catch((error) => {
      serving.reject(error);
      throw error;
    }),
    serving.promise.then(provide.databasesOf),
  ]);
  if (servers.status === "rejected") throw servers.reason;
  if (databases.status === "rejected") throw databases.reason;
  if (signal?.aborted === true) throw new UnavailableError("Cannot start the shop: it was told to stop");
  return { infra: servers.value, databaseUrls: databases.value };
}

/** Services first, so that they drain while everything that they need is there. */
async function stopAll(children: ReadonlyMap<string, Child>, infra: Infra | undefined): Promise<void> {
  const outside = children.get(simulators);
  await Promise.all([...children.values()].filter((child) => child !== outside).map((child) => child.stop()));
  await outside?.stop();
  await infra?.stop();
}

/** Ports that nobody listens on at this moment. */
function freePorts(): ShopPorts {
  const [gateway, payment, carrier, smtp, mailPage, ...internal] = findFreePorts(5 + services.length) as number[];
  return {
    gateway: gateway!,
    payment: payment!,
    carrier: carrier!,
    smtp: smtp!,
    mailPage: mailPage!,
    internal: Object.fromEntries(services.map(({ name }, index) => [name, internal[index]!])),
  };
}

function childNamed(children: ReadonlyMap<string, Child>, name: string): Child {
  const child = children.get(name);
  if (child === undefined) {
    throw new RangeError(`Cannot find process "${name}": there are ${[...children.keys()].join(", ")}`);
  }
  return child;
}
