import { systemClock, UnavailableError } from "@mesh/base";
import type { PostgresBinaries } from "./binaries.ts";
import { canLogIn } from "./postgres_admin.ts";
import {
  type Account,
  findAccount,
  killProcessesIn,
  type ManagedProcess,
  startProcess,
  tailOf,
  waitUntilReady,
} from "./processes.ts";
import { makeReachable } from "./state_dir.ts";

/** Where a database server runs. */
export interface PostgresPlan {
  readonly binaries: PostgresBinaries;
  readonly folder: string;
  readonly port: number;
  readonly password: string;
}

/** 60 s: a start takes under a second, recovery after a crash longer. */
const startLimitMs = 60_000;
const stopLimitMs = 20_000;
const programEnvironment = { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C.UTF-8", TZ: "UTC" };

/** A PostgreSQL that runs as a child process, on loopback TCP only and never as root. */
export class PostgresProcess implements AsyncDisposable {
  /** URL of the superuser, database `postgres`. */
  readonly adminUrl: string;
  readonly logFile: string;
  readonly #plan: PostgresPlan;
  readonly #account: Account | undefined;
  #server: ManagedProcess | undefined;

  /** Plans a server; `start` runs it. */
  constructor(plan: PostgresPlan) {
    this.#plan = plan;
    // Postgres refuses to run as root.
    this.#account = Deno.uid() === 0 ? findAccount(["postgres", "nobody"]) : undefined;
    this.adminUrl = `postgres://postgres:${plan.password}@127.0.0.1:${plan.port}/postgres`;
    this.logFile = `${plan.folder}/postgres.log`;
  }

  /** Process group of the running server's first process, absent while it is down. */
  get processGroup(): number | undefined {
    return this.#server?.isRunning() ? this.#server.pid : undefined;
  }

  /**
   * Starts the server on the data it has, or on a new cluster, and waits until it accepts logins.
   *
   * @throws {UnavailableError} If it is not ready after 60 s; the message ends with its log.
   */
  async start(): Promise<void> {
    if (this.#server?.isRunning()) return;
    const { folder, binaries } = this.#plan;
    makeReachable(folder, this.#account);
    await killProcessesIn(folder);
    if (!isCluster(`${folder}/data`)) await this.#createCluster();
    await Deno.writeTextFile(`${folder}/data/jangteo.conf`, settings(this.#plan.port));
    this.#server = startProcess({
      name: "postgres",
      command: [binaries.postgres, "-D", `${folder}/data`],
      env: programEnvironment,
      workDir: folder,
      logFile: this.logFile,
      account: this.#account,
      // QUIT is Postgres's "stop at once, recover at the next start"; KILL would leave its workers for a moment.
      signalOnParentDeath: "QUIT",
    });
    await waitUntilReady(
      { process: this.#server, logFile: this.logFile, limitMs: startLimitMs },
      () => canLogIn(this.adminUrl),
    );
  }

  /** Ends the server and all its workers with SIGKILL, as a power cut would; `start` recovers what was committed. */
  async kill(): Promise<void> {
    await this.#server?.kill();
    await killProcessesIn(this.#plan.folder);
  }

  /** Stops in good order: open transactions are rolled back; SIGKILL after 20 s. Leaves no process. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server?.isRunning()) {
      server.signal("SIGINT");
      const patience = new AbortController();
      await Promise.race([server.ended, systemClock.delay(stopLimitMs, patience.signal)]);
      patience.abort();
    }
    await this.kill();
  }

  /** Same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #createCluster(): Promise<void> {
    const { folder, binaries, password } = this.#plan;
    // An initdb that died half-way leaves a folder that it refuses to use again.
    await Deno.remove(`${folder}/data`, { recursive: true }).catch(() => {});
    const passwordFile = `${folder}/password`;
    await Deno.writeTextFile(passwordFile, password, { mode: 0o600 });
    if (this.#account !== undefined) await Deno.chown(passwordFile, this.#account.uid, this.#account.gid);
    const process = startProcess({
      name: "initdb",
      command: [
        ...[binaries.initdb, "--pgdata", `${folder}/data`, "--username=postgres", `--pwfile=${passwordFile}`],
        ...["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"],
      ] as [string, ...string[]],
      env: programEnvironment,
      workDir: folder,
      logFile: this.logFile,
      account: this.#account,
      signalOnParentDeath: "KILL",
    });
    const code = await process.ended;
    await Deno.remove(passwordFile);
    if (code !== 0) {
      throw new UnavailableError(
        `Cannot create a database cluster: initdb ended with ${code}\n${tailOf(this.logFile)}`,
      );
    }
    await Deno.writeTextFile(`${folder}/data/postgresql.conf`, "\ninclude = 'jangteo.conf'\n", { append: true });
    // Written last: without it the cluster counts as unfinished.
    await Deno.writeTextFile(`${folder}/data/jangteo.created`, "");
  }
}

function isCluster(dataFolder: string): boolean {
  try {
    return Deno.statSync(`${dataFolder}/jangteo.created`).isFile;
  } catch {
    return false;
  }
}

/** Durable as in production: a crash test against a server that lies about its disk proves nothing. */
function settings(port: number): string {
  return [
    "listen_addresses = '127.0.0.1'",
    `port = ${port}`,
    // No socket file: its path has a limit of 107 bytes, and nothing here needs one.
    "unix_socket_directories = ''",
    "fsync = on",
    "synchronous_commit = on",
    // Before it recovers, a server makes sure that everything is on its disk. File by file that takes seconds with a dozen
    // databases; asked of the file system as a whole it takes a moment, and promises the same. Linux only.
    ...(Deno.build.os === "linux" ? ["recovery_init_sync_method = syncfs"] : []),
    "shared_buffers = 128MB",
    "max_connections = 200",
    // An open writer holds up every feed of this server (xmin); 5 s is the bound the feeds count on.
    "idle_in_transaction_session_timeout = 5s",
    "timezone = 'UTC'",
    "log_timezone = 'UTC'",
    "logging_collector = off",
    "log_line_prefix = '%m [%p] %q%u@%d '",
    "",
  ].join("\n");
}
