import { CliError, exitCodes, type ServiceAddress } from "@mesh/cli";
import { services } from "../topology.ts";

/** What the environment tells the command line. */
export interface MeshEnvironment {
  readonly services: readonly ServiceAddress[];
  readonly gatewayUrl: string;
  /** An access token that is used instead of a session. */
  readonly token?: string;
  readonly password?: string;
  /** Management API of RabbitMQ, with user and password. */
  readonly management?: ManagementAddress;
  /** Mailbox partitions of each service, 1 to 64. */
  readonly partitions: number;
  /** Folder of passwords, a file per secret. */
  readonly passwordsFolder?: string;
  /** File of the session. */
  readonly sessionPath: string;
}

/** Where RabbitMQ's management API is, and as whom to call it. */
export interface ManagementAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** Shown below the help. */
export const environmentHelp = `
Environment:
  MESH_TOKEN                    an access token of scope operator, instead of: mesh login
  MESH_PASSWORD                 the password for: mesh login
  MESH_GATEWAY_URL              default http://127.0.0.1:8080
  MESH_INTERNAL_URLS            internal ports that are elsewhere: orders=http://10.0.0.3:9103,audit=…
  MESH_PORT_OFFSET              of a shop that was started with --port-offset
  MESH_PARTITIONS               mailbox partitions of each service, default 1, for: mesh topology, mesh recover
  MESH_RABBITMQ_MANAGEMENT_URL  http://user:password@127.0.0.1:15672, for: mesh topology, mesh recover
  MESH_PASSWORDS_FOLDER         passwords of broker users that are missing, for: mesh recover`;

/**
 * Reads the environment of the command line.
 *
 * @param env Reads one variable; an empty one counts as absent.
 * @throws {CliError} With exit code 2 if a variable is wrong.
 */
export function meshEnvironment(env: (name: string) => string | undefined): MeshEnvironment {
  const read = (name: string) => env(name) || undefined;
  const offset = wholeNumber("MESH_PORT_OFFSET", read("MESH_PORT_OFFSET") ?? "0", { min: 0, max: 55_000 });
  const elsewhere = urlsFrom(read("MESH_INTERNAL_URLS"));
  const token = read("MESH_TOKEN");
  const password = read("MESH_PASSWORD");
  const management = read("MESH_RABBITMQ_MANAGEMENT_URL");
  const passwordsFolder = read("MESH_PASSWORDS_FOLDER");
  const gatewayPort = services.find(({ name }) => name === "gateway")?.publicPort ?? 8080;
  return {
    services: services.map(({ name, internalPort }) => ({
      name,
      url: elsewhere.get(name) ?? `http://127.0.0.1:${internalPort + offset}`,
    })),
    gatewayUrl: urlFrom("MESH_GATEWAY_URL", read("MESH_GATEWAY_URL") ?? `http://127.0.0.1:${gatewayPort + offset}`)
      .origin,
    partitions: wholeNumber("MESH_PARTITIONS", read("MESH_PARTITIONS") ?? "1", { min: 1, max: 64 }),
    sessionPath: `${configFolder(read)}/jangteo/session.json`,
    ...(token === undefined ? {} : { token }),
    ...(password === undefined ? {} : { password }),
    ...(management === undefined ? {} : { management: managementFrom(management) }),
    ...(passwordsFolder === undefined ? {} : { passwordsFolder }),
  };
}

function configFolder(read: (name: string) => string | undefined): string {
  const folder = read("XDG_CONFIG_HOME");
  if (folder !== undefined) return folder;
  const home = read("HOME");
  if (home === undefined) throw wrong("HOME", "is not set, and neither is XDG_CONFIG_HOME");
  return `${home}/.config`;
}

function wholeNumber(variable: string, text: string, { min, max }: { readonly min: number; readonly max: number }) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw wrong(variable, `is no whole number from ${min} to ${max}`);
}

function urlsFrom(text = ""): ReadonlyMap<string, string> {
  const entries = text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
  return new Map(entries.map((entry) => {
    const [name = "", url = ""] = [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)];
    if (!services.some((service) => service.name === name)) {
      throw wrong("MESH_INTERNAL_URLS", `names "${name}", which is no service`);
    }
    return [name, urlFrom("MESH_INTERNAL_URLS", url).origin];
  }));
}

function managementFrom(text: string): ManagementAddress {
  const { origin, username, password } = urlFrom("MESH_RABBITMQ_MANAGEMENT_URL", text);
  if (username === "") throw wrong("MESH_RABBITMQ_MANAGEMENT_URL", "names no user");
  return { url: origin, user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** Does not repeat the value: it may hold a password. */
function urlFrom(variable: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw wrong(variable, "holds no http:// or https:// URL");
  return url;
}

function wrong(variable: string, how: string): CliError {
  return new CliError(exitCodes.usage, `Cannot read the environment: ${variable} ${how}`);
}
