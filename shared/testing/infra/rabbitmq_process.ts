import { systemClock, UnavailableError } from "@mesh/base";
import type { BrokerBinaries } from "./binaries.ts";
import { acceptsConnections } from "./free_ports.ts";
import { callManagement, type ManagementAccess } from "./management.ts";
import {
  type Account,
  findAccount,
  killProcessesIn,
  type ManagedProcess,
  startProcess,
  waitUntilReady,
} from "./processes.ts";
import {
  brokerConfig,
  brokerEnvironment,
  type BrokerPorts,
  type BrokerSettings,
  enabledPlugins,
} from "./rabbitmq_settings.ts";
import { makeReachable } from "./state_dir.ts";

/** Where and as whom a broker runs. */
export interface BrokerPlan {
  readonly binaries: BrokerBinaries;
  /** Folder of this broker, inside `binaries.root` if that is given. */
  readonly folder: string;
  readonly ports: BrokerPorts;
  readonly user: string;
  readonly password: string;
}

/** 60 s: a cold start takes 6 s on two idle cores and several times that on a busy machine. */
const startLimitMs = 60_000;
/** 20 s: stopping takes about 6 s, most of it for the quorum queues. */
const stopLimitMs = 20_000;

/** A RabbitMQ that runs as child processes: the Erlang machine and its name service, both on loopback only. */
export class BrokerProcess implements AsyncDisposable {
  readonly amqpUrl: string;
  readonly management: ManagementAccess;
  readonly logFile: string;
  readonly #plan: BrokerPlan;
  readonly #account: Account | undefined;
  readonly #hostFolder: string;
  #broker: ManagedProcess | undefined;
  #epmd: ManagedProcess | undefined;

  /** Plans a broker; `start` runs it. */
  constructor(plan: BrokerPlan) {
    const { binaries, folder, ports, user, password } = plan;
    this.#plan = plan;
    this.#hostFolder = (binaries.root ?? "") + folder;
    this.#account = Deno.uid() === 0 ? findAccount(["rabbitmq", "nobody"], binaries.root) : undefined;
    this.amqpUrl = `amqp://${user}:${password}@127.0.0.1:${ports.amqp}`;
    this.management = { url: `http://127.0.0.1:${ports.management}`, user, password };
    this.logFile = `${this.#hostFolder}/broker.log`;
  }

  /** Process group of the running broker, absent while it is down. */
  get processGroup(): number | undefined {
    return this.#broker?.isRunning() ? this.#broker.pid : undefined;
  }

  /**
   * Starts the broker on the data it has and waits until it serves AMQP and the management API.
   *
   * @throws {UnavailableError} If it is not ready after 60 s; the message ends with its log.
   */
  async start(): Promise<void> {
    if (this.#broker?.isRunning()) return;
    this.#prepareFolder();
    await killProcessesIn(this.#hostFolder);
    const { binaries, folder, ports } = this.#plan;
    const env = brokerEnvironment(this.#settings());
    const common = {
      env,
      logFile: `${folder}/broker.log`,
      workDir: folder,
      root: binaries.root,
      account: this.#account,
    };
    // Ours in the foreground: the node would otherwise start a daemon that outlives everybody.
    this.#epmd = startProcess({
      ...common,
      name: "epmd",
      command: [binaries.epmd, "-port", String(ports.epmd), "-address", "127.0.0.1"],
      signalOnParentDeath: "KILL",
    });
    await waitUntilReady(
      { process: this.#epmd, logFile: this.logFile, limitMs: startLimitMs },
      () => acceptsConnections(ports.epmd),
    );
    this.#broker = startProcess({
      ...common,
      name: "rabbitmq",
      command: [binaries.server],
      signalOnParentDeath: "KILL",
    });
    await waitUntilReady(
      { process: this.#broker, logFile: this.logFile, limitMs: startLimitMs },
      () => this.#isServing(),
    );
  }

  /** Ends the Erlang machine with SIGKILL, as a power cut would; its data stays, `start` brings it back. */
  async kill(): Promise<void> {
    await this.#broker?.kill();
    await this.#epmd?.kill();
    await killProcessesIn(this.#hostFolder);
  }

  /**
   * Deletes everything that the broker holds: messages, queues, users. `start` brings back an empty one.
   *
   * @throws {UnavailableError} If it is running.
   */
  async wipe(): Promise<void> {
    if (this.#broker?.isRunning()) throw new UnavailableError("Cannot wipe RabbitMQ: it is running; kill it first");
    await Deno.remove(`${this.#hostFolder}/data`, { recursive: true });
  }

  /** Stops in good order, or with SIGKILL after 20 s, and leaves no process. */
  async stop(): Promise<void> {
    const broker = this.#broker;
    if (broker?.isRunning()) {
      broker.signal("SIGTERM");
      const patience = new AbortController();
      await Promise.race([broker.ended, systemClock.delay(stopLimitMs, patience.signal)]);
      patience.abort();
    }
    await this.kill();
  }

  /** Same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #prepareFolder(): void {
    makeReachable(this.#hostFolder, this.#account);
    for (const name of ["home", "data", "log"]) makeReachable(`${this.#hostFolder}/${name}`, this.#account);
    this.#writeFile("rabbitmq.conf", brokerConfig(this.#settings()));
    this.#writeFile("enabled_plugins", enabledPlugins);
  }

  #writeFile(name: string, text: string): void {
    const path = `${this.#hostFolder}/${name}`;
    // The configuration holds the administrator's password.
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    if (this.#account !== undefined) Deno.chownSync(path, this.#account.uid, this.#account.gid);
  }

  #settings(): BrokerSettings {
    const { binaries, folder, ports, user, password } = this.#plan;
    return { folder, ports, user, password, path: binaries.path };
  }

  async #isServing(): Promise<boolean> {
    if (!(await acceptsConnections(this.#plan.ports.amqp))) return false;
    if (!(await acceptsConnections(this.#plan.ports.management))) return false;
    try {
      await callManagement(this.management, { method: "GET", path: "/api/overview" });
      return true;
    } catch {
      // It listens before it can answer.
      return false;
    }
  }
}
