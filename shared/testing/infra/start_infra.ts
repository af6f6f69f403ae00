import { DefectError, UnavailableError } from "@mesh/base";
import { findBrokerBinaries, findPostgresBinaries } from "./binaries.ts";
import { startBrokerContainer, startPostgresContainer, volumeName } from "./containers.ts";
import { findSource, imageOf, type InfraMode, modeFromEnv, type Source, type Want } from "./find_source.ts";
import { externalBroker, externalPostgres } from "./external.ts";
import { choosePorts } from "./free_ports.ts";
import { installPackages, packageRights, serverPackages } from "./packages.ts";
import { PostgresProcess } from "./postgres_process.ts";
import { BrokerProcess } from "./rabbitmq_process.ts";
import { readSecrets } from "./secrets.ts";
import type { BrokerServer, PostgresServer, Server } from "./server.ts";
import { type FolderLock, lockFolder, removeAbandoned } from "./state_dir.ts";

/** What to start and where. */
export interface InfraOptions {
  readonly wants: readonly Want[];
  /** Folder of the data; absent means a new one under the system's folder for temporary files, removed by `stop`. */
  readonly stateDir?: string;
  /** Keep the data after `stop`. Default: true if `stateDir` is given. */
  readonly keep?: boolean;
  /** Default: `MESH_INFRA` of `env`, else `auto`. */
  readonly mode?: InfraMode;
  /** Fixed ports; free ones are chosen for those that are absent. */
  readonly ports?: { readonly amqp?: number; readonly management?: number; readonly postgres?: number };
  /** Run the broker of another system: a folder made by debootstrap. Needs root. */
  readonly binariesFrom?: string;
  /** Variables to read; default: the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives progress, one line at a time. */
  readonly log?: (line: string) => void;
  /** Hears of the database server as soon as it serves: work on it need not wait for the broker's 6 s. */
  readonly onPostgres?: (server: PostgresServer) => void;
}

/** Servers that were started together; disposing of them stops them. */
export class Infra implements AsyncDisposable {
  readonly #servers: { readonly rabbitmq?: BrokerServer; readonly postgres?: PostgresServer };
  readonly #release: () => Promise<void>;

  /** Made by `startInfra`. */
  constructor(
    servers: { readonly rabbitmq?: BrokerServer; readonly postgres?: PostgresServer },
    release: () => Promise<void>,
  ) {
    this.#servers = servers;
    this.#release = release;
  }

  /**
   * The broker.
   *
   * @throws {DefectError} If `wants` did not name it.
   */
  get broker(): BrokerServer {
    return this.#servers.rabbitmq ?? missing("rabbitmq");
  }

  /**
   * The database server.
   *
   * @throws {DefectError} If `wants` did not name it.
   */
  get postgres(): PostgresServer {
    return this.#servers.postgres ?? missing("postgres");
  }

  /** Stops what was started here and removes its data unless it is to be kept. May be called twice. */
  async stop(): Promise<void> {
    await this.#release();
  }

  /** Same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Provides RabbitMQ and PostgreSQL: servers named in the environment, else programs of this machine run as child
 * processes, else containers, else the distribution's packages, installed if that needs no password.
 *
 * Servers named in the environment (`MESH_AMQP_URL` with `MESH_RABBITMQ_MANAGEMENT_URL`, `MESH_POSTGRES_URL`) are
 * used as they are and never stopped. All others listen on loopback only and die with this process. A cold start of
 * both takes about 7 s, nearly all of it RabbitMQ.
 *
 * @returns The servers, ready to serve.
 * @throws {ConfigError} If `MESH_INFRA` is unknown or names a provider that lacks what it needs.
 * @throws {UnavailableError} If there is no provider, a port is taken, or a server does not start.
 *
 * @example One server for a test file, with a database of its own
 * ```ts ignore
 * import { createDatabase, startInfra } from "@mesh/testing/infra";
 *
 * await using infra = await startInfra({ wants: ["postgres"] });
 * const url = await createDatabase(infra.postgres.adminUrl, "orders_test");
 * ```
 */
export async function startInfra(options: InfraOptions): Promise<Infra> {
  const context = await prepare(options);
  const started: Server[] = [];
  const track = async <S extends Server>(starting: Promise<S>): Promise<S> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const startDatabase = async () => {
    const server = await track(startPostgres(context));
    options.onPostgres?.(server);
    return server;
  };
  let released: Promise<void> | undefined;
  const release = () => released ??= releaseAll(started, context);
  const starting = await Promise.allSettled([
    options.wants.includes("rabbitmq") ? track(startBroker(context)) : undefined,
    options.wants.includes("postgres") ? startDatabase() : undefined,
  ]);
  const failure = starting.find((result) => result.status === "rejected");
  if (failure !== undefined) {
    await release();
    throw failure.reason;
  }
  const [rabbitmq, postgres] = starting as [
    PromiseFulfilledResult<BrokerServer | undefined>,
    PromiseFulfilledResult<PostgresServer | undefined>,
  ];
  return new Infra({
    ...(rabbitmq.value === undefined ? {} : { rabbitmq: rabbitmq.value }),
    ...(postgres.value === undefined ? {} : { postgres: postgres.value }),
  }, release);
}

interface Context {
  readonly options: InfraOptions;
  readonly env: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  readonly source: Readonly<Record<Want, Source>>;
  readonly folder: string;
  readonly lock: FolderLock | undefined;
  readonly isKept: boolean;
}

async function prepare(options: InfraOptions): Promise<Context> {
  const env = options.env ?? Deno.env.toObject();
  const log = options.log ?? (() => {});
  const mode = options.mode ?? modeFromEnv(env);
  const missingPackages: Want[] = [];
  const source: Partial<Record<Want, Source>> = {};
  for (const want of new Set(options.wants)) {
    const found = await findSource(want, { mode, env, binariesFrom: options.binariesFrom });
    if (found === undefined) missingPackages.push(want);
    source[want] = found ?? "local";
  }
  if (missingPackages.length > 0) await install(missingPackages, mode, log);
  const needsFolder = Object.values(source).some((from) => from !== "external");
  const root = options.binariesFrom ?? "";
  const folder = options.stateDir ?? (needsFolder ? await makeTempFolder(root) : "");
  if (needsFolder && options.stateDir !== undefined) await Deno.mkdir(root + folder, { recursive: true });
  return {
    options,
    env,
    log,
    source: { rabbitmq: source.rabbitmq ?? "external", postgres: source.postgres ?? "external" },
    folder,
    lock: needsFolder ? lockFolder(root + folder) : undefined,
    isKept: options.keep ?? options.stateDir !== undefined,
  };
}

async function install(wants: readonly Want[], mode: InfraMode, log: (line: string) => void): Promise<void> {
  const packages = wants.map((want) => serverPackages[want]);
  const rights = await packageRights();
  if (rights === undefined) {
    throw new UnavailableError(
      `Cannot provide ${wants.join(" and ")} (MESH_INFRA=${mode}): not installed, no container engine has them, and ` +
        `packages cannot be installed without a password. Run: sudo apt-get install ${packages.join(" ")}`,
    );
  }
  await installPackages(packages, rights, log);
}

async function startBroker(context: Context): Promise<BrokerServer> {
  const { options, env, source, folder, log } = context;
  if (source.rabbitmq === "external") {
    return externalBroker(env.MESH_AMQP_URL ?? "", env.MESH_RABBITMQ_MANAGEMENT_URL ?? "");
  }
  const { amqp, management } = options.ports ?? {};
  const ports = choosePorts({ amqp, management, distribution: undefined, epmd: undefined });
  const root = options.binariesFrom;
  const password = readSecrets((root ?? "") + folder).rabbitmq;
  log(`starting RabbitMQ on 127.0.0.1:${ports.amqp}`);
  if (source.rabbitmq === "container") {
    const volume = { name: volumeName(folder, "rabbitmq"), isKept: context.isKept };
    return await startBrokerContainer({ image: imageOf("rabbitmq", env), ports, user: "admin", password, volume });
  }
  const binaries = findBrokerBinaries(root);
  if (binaries === undefined) throw new UnavailableError("Cannot start RabbitMQ: its programs were not found");
  const broker = new BrokerProcess({ binaries, folder: `${folder}/rabbitmq`, ports, user: "admin", password });
  return await startOrStop(broker);
}

async function startPostgres(context: Context): Promise<PostgresServer> {
  const { options, env, source, folder, log } = context;
  if (source.postgres === "external") return externalPostgres(env.MESH_POSTGRES_URL ?? "");
  const { postgres: port } = choosePorts({ postgres: options.ports?.postgres });
  const password = readSecrets((options.binariesFrom ?? "") + folder).postgres;
  log(`starting PostgreSQL on 127.0.0.1:${port}`);
  if (source.postgres === "container") {
    const volume = { name: volumeName(folder, "postgres"), isKept: context.isKept };
    return await startPostgresContainer({ image: imageOf("postgres", env), port, password, volume });
  }
  const binaries = findPostgresBinaries();
  if (binaries === undefined) throw new UnavailableError("Cannot start PostgreSQL: its programs were not found");
  const plan = { binaries, folder: `${options.binariesFrom ?? ""}${folder}/postgres`, port, password };
  return await startOrStop(new PostgresProcess(plan));
}

async function startOrStop<S extends Server>(server: S): Promise<S> {
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

async function releaseAll(servers: readonly Server[], context: Context): Promise<void> {
  // Data that is about to be deleted needs no orderly end, which takes RabbitMQ 6 s.
  await Promise.all(servers.map((server) => {
    const isOurs = server.logFile !== undefined;
    return isOurs && !context.isKept ? server.kill() : server.stop();
  }));
  // Without a lock nothing ran here and no folder was made.
  if (context.lock === undefined) return;
  context.lock.release();
  const path = (context.options.binariesFrom ?? "") + context.folder;
  if (!context.isKept) await Deno.remove(path, { recursive: true });
}

async function makeTempFolder(root: string): Promise<string> {
  // Root's own folder for temporary files may be closed to the accounts that the servers run as.
  const dir = root !== "" || Deno.uid() === 0 ? `${root}/tmp` : Deno.env.get("TMPDIR") ?? "/tmp";
  removeAbandoned(dir, tempPrefix);
  const folder = await Deno.makeTempDir({ prefix: tempPrefix, dir });
  await Deno.chmod(folder, 0o711);
  return folder.slice(root.length);
}

const tempPrefix = "jangteo-";

function missing(want: Want): never {
  throw new DefectError(`Cannot reach ${want}: startInfra was not asked for it`);
}
