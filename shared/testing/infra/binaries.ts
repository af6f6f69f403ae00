/** Where a broker's programs lie, as a process in `root` sees them. */
export interface BrokerBinaries {
  /** The start script of the package itself. */
  readonly server: string;
  readonly epmd: string;
  /** Search path for `erl`. */
  readonly path: string;
  /** Folder with another system that they run in; absent for this one. */
  readonly root?: string | undefined;
}

/** Where a database's programs lie. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Finds RabbitMQ and Erlang.
 *
 * @param root Folder with another system (made by debootstrap, for example); absent means this machine.
 * @returns `undefined` if either is not installed.
 */
export function findBrokerBinaries(root?: string): BrokerBinaries | undefined {
  const base = root ?? "";
  const server = [
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/homebrew/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
  ].find((path) => isFile(base + path));
  const epmd = ["/usr/bin/epmd", "/usr/local/bin/epmd", "/opt/homebrew/bin/epmd"].find((path) => isFile(base + path));
  if (server === undefined || epmd === undefined) return undefined;
  return { server, epmd, path: `${epmd.slice(0, epmd.lastIndexOf("/"))}:${systemPath}`, root };
}

/**
 * Finds the newest PostgreSQL on this machine.
 *
 * @returns `undefined` if there is none.
 */
export function findPostgresBinaries(): PostgresBinaries | undefined {
  const folders = [
    ...versionsIn("/usr/lib/postgresql").map((version) => `/usr/lib/postgresql/${version}/bin`),
    ...versionsIn("/usr").filter((name) => name.startsWith("pgsql-")).map((name) => `/usr/${name}/bin`),
    "/opt/homebrew/opt/postgresql@18/bin",
    "/opt/homebrew/opt/postgresql@17/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
  ];
  const folder = folders.find((path) => isFile(`${path}/initdb`) && isFile(`${path}/postgres`));
  return folder === undefined ? undefined : { initdb: `${folder}/initdb`, postgres: `${folder}/postgres` };
}

/** Names in a folder, the highest version first. */
function versionsIn(folder: string): string[] {
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    return names.sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
