import { errorText, UnavailableError } from "@mesh/base";
import type { ServiceDefinition } from "@mesh/contract";
import { findFreePorts, type Infra, startInfra } from "@mesh/testing/infra";
import { denoFlags } from "../permissions.ts";
import { serviceNamed, services, vhost as defaultVhost } from "../topology.ts";
import { provideBroker, provision, type Provisioned, type ProvisionPlan } from "./provision.ts";
import { readShopSecrets } from "./secrets_file.ts";
import { type Child, startChild, untilReady } from "./service_process.ts";
import { environmentOf, type EnvironmentPlan, type ShopPorts } from "./shop_environment.ts";

/** How a shop is to run. */
export interface ShopOptions {
  /** Folder of everything that it keeps. */
  readonly folder: string;
  /** Servers to use; started here (and stopped with the shop) when absent. */
  readonly infra?: Infra;
  /** Fixed ports, for development; free ones when absent. */
  readonly ports?: ShopPorts;
  readonly infraPorts?: { readonly amqp?: number; readonly management?: number; readonly postgres?: number };
  readonly vhost?: string;
  readonly databasePrefix?: string;
  /** Mailbox partitions of each service; 1 by default. */
  readonly partitions?: number;
  /** Replaces single settings of the runtime in every service; `tiersMs` also shapes the broker's tiers. */
  readonly settings?: Readonly<Record<string, unknown>> & { readonly tiersMs?: readonly number[] };
  readonly sagaLimits?: Readonly<Record<string, number>>;
  readonly seedFile?: string;
  readonly extra?: EnvironmentPlan["extra"];
  readonly logFormat?: "pretty" | "json";
  readonly logLevel?: string;
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
  readonly url: string;
  readonly folder: string;
  readonly provisioned: Provisioned;
  /** URL of a service's internal port. */
  internalUrl(service: string): string;
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

/**
 * Starts the whole shop: servers, simulators, every service as a process of its own with the least permissions.
 *
 * @throws {UnavailableError} If something does not become ready; what was started is stopped again.
 */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const { folder, log = () => {}, signal } = options;
  await Deno.mkdir(folder, { recursive: true });
  const infra = options.infra ?? await startInfra({
    wants: ["rabbitmq", "postgres"],
    stateDir: `${folder}/servers`,
    log,
    ...(options.infraPorts === undefined ? {} : { ports: options.infraPorts }),
  });
  const children = new Map<string, Child>();
  const stop = async () => {
    const simulators = children.get("simulators");
    await Promise.all([...children.values()].filter((child) => child !== simulators).map((child) => child.stop()));
    await simulators?.stop();
    if (options.infra === undefined) await infra.stop();
  };
  try {
    const secrets = await readShopSecrets(`${folder}/secrets.json`, services.map(({ name }) => name));
    const plan: ProvisionPlan = {
      infra,
      folder,
      secrets,
      vhost: options.vhost ?? defaultVhost,
      databasePrefix: options.databasePrefix ?? "",
      partitions: options.partitions ?? 1,
      tiersMs: options.settings?.tiersMs ?? defaultTiersMs,
      log,
    };
    const ports = options.ports ?? freePorts();
    const provisioned = await provision(plan);
    const environment: EnvironmentPlan = {
      ports,
      secrets,
      provisioned,
      brokerUrl: infra.broker.amqpUrl,
      vhost: plan.vhost,
      partitions: plan.partitions,
      settings: options.settings ?? {},
      sagaLimits: options.sagaLimits ?? {},
      ...(options.seedFile === undefined ? {} : { seedFile: options.seedFile }),
      logFormat: options.logFormat ?? "json",
      logLevel: options.logLevel ?? "info",
      inherited: Deno.env.toObject(),
      extra: options.extra ?? {},
    };
    const onLine = (name: string) => (line: string) => options.onLine?.(name, line);
    const start = (name: string): Child => {
      const spec = name === "simulators"
        ? simulatorsSpec(folder, environment)
        : serviceSpec(serviceNamed(name), environment);
      const child = startChild({ name, ...spec, onLine: onLine(name) });
      children.set(name, child);
      return child;
    };
    const wanted = services.filter(({ name }) => options.only?.includes(name) ?? true);
    start("simulators");
    for (const { name } of wanted) start(name);
    const internalUrl = (name: string) => `http://127.0.0.1:${ports.internal[name]}`;
    const shop: Shop = {
      infra,
      ports,
      url: `http://127.0.0.1:${ports.gateway}`,
      folder,
      provisioned,
      internalUrl,
      child: (name) => childNamed(children, name),
      restart: start,
      untilReady: (name, limitMs = 30_000) =>
        untilReady(childNamed(children, name), `${internalUrl(name)}/health/ready`, limitMs, signal),
      reloadBroker: () => provideBroker(plan),
      stop,
      [Symbol.asyncDispose]: stop,
    };
    await Promise.all(wanted.map(({ name }) => shop.untilReady(name, 60_000)));
    return shop;
  } catch (error) {
    await stop();
    throw error instanceof Error ? error : new UnavailableError(errorText(error));
  }
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

function serviceSpec(service: ServiceDefinition, plan: EnvironmentPlan) {
  const env = environmentOf(service, plan);
  const main = new URL(`../../services/${service.name}/main.ts`, import.meta.url).pathname;
  return { args: ["run", ...denoFlags(service, env), main], env };
}

function simulatorsSpec(folder: string, { ports, inherited }: EnvironmentPlan) {
  const main = new URL("../../tests/simulators/main.ts", import.meta.url).pathname;
  const { payment, carrier, smtp, mailPage } = ports;
  const state = `${folder}/simulators`;
  const { HOME = "", PATH = "", DENO_DIR } = inherited;
  return {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--frozen",
      "--allow-net=127.0.0.1",
      "--allow-env",
      `--allow-read=${state}`,
      `--allow-write=${state}`,
      main,
      ...["--payment-port", String(payment), "--carrier-port", String(carrier)],
      ...["--smtp-port", String(smtp), "--mail-port", String(mailPage), "--state-dir", state],
    ],
    env: { HOME, PATH, DENO_NO_UPDATE_CHECK: "1", ...(DENO_DIR === undefined ? {} : { DENO_DIR }) },
  };
}
