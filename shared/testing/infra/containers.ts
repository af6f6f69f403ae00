import type { ContainerRuntimeClient, StartedTestContainer } from "testcontainers";
import { errorText, systemClock, UnavailableError } from "@mesh/base";
import { acceptsConnections } from "./free_ports.ts";
import { callManagement } from "./management.ts";
import { canLogIn } from "./postgres_admin.ts";
import type { BrokerServer, PostgresServer } from "./server.ts";

/** Images used by the container provider; both can be replaced by the environment. */
export const defaultImages = { rabbitmq: "rabbitmq:4.3-management", postgres: "postgres:18" };

/** 120 s: the first start of a container engine's image is slower than that of a process. */
const startLimitMs = 120_000;

interface ContainerPlan {
  readonly image: string;
  readonly environment: Record<string, string>;
  /** Port in the container, and the port of this machine that leads to it; fixed, so that it survives a restart. */
  readonly ports: readonly { readonly container: number; readonly host: number }[];
  /** Named volume and where it is mounted. */
  readonly volume: { readonly name: string; readonly target: string; readonly isKept: boolean };
  readonly isServing: () => Promise<boolean>;
}

/**
 * Says whether a container engine answers and already has an image; nothing is pulled here.
 *
 * @returns `false` also where there is no engine.
 */
export async function hasImage(image: string): Promise<boolean> {
  try {
    const client = await runtimeClient();
    const { ImageName } = await import("testcontainers");
    return await client.image.exists(ImageName.fromString(image));
  } catch {
    return false;
  }
}

/** Starts RabbitMQ in a container. */
export async function startBrokerContainer(options: {
  readonly image: string;
  readonly ports: { readonly amqp: number; readonly management: number };
  readonly user: string;
  readonly password: string;
  readonly volume: { readonly name: string; readonly isKept: boolean };
}): Promise<BrokerServer> {
  const { image, ports, user, password, volume } = options;
  const management = { url: `http://127.0.0.1:${ports.management}`, user, password };
  const container = new ContainerServer({
    image,
    // The data folder is named after the node, and a new container would get a new host name.
    environment: {
      RABBITMQ_NODENAME: "rabbit@localhost",
      RABBITMQ_DEFAULT_USER: user,
      RABBITMQ_DEFAULT_PASS: password,
    },
    ports: [{ container: 5672, host: ports.amqp }, { container: 15672, host: ports.management }],
    volume: { ...volume, target: "/var/lib/rabbitmq" },
    isServing: async () =>
      await acceptsConnections(ports.amqp) &&
      await callManagement(management, { method: "GET", path: "/api/overview" }).then(() => true, () => false),
  });
  await container.start();
  return {
    amqpUrl: `amqp://${user}:${password}@127.0.0.1:${ports.amqp}`,
    management,
    logFile: undefined,
    kill: () => container.kill(),
    start: () => container.start(),
    stop: () => container.stop(),
    wipe: () => container.wipe(),
  };
}

/** Starts PostgreSQL in a container. */
export async function startPostgresContainer(options: {
  readonly image: string;
  readonly port: number;
  readonly password: string;
  readonly volume: { readonly name: string; readonly isKept: boolean };
}): Promise<PostgresServer> {
  const { image, port, password, volume } = options;
  const adminUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const container = new ContainerServer({
    image,
    // A folder of our own: images before 18 put an unnamed volume over the default one.
    environment: { POSTGRES_PASSWORD: password, PGDATA: "/var/lib/postgresql/jangteo" },
    ports: [{ container: 5432, host: port }],
    volume: { ...volume, target: "/var/lib/postgresql" },
    isServing: () => canLogIn(adminUrl),
  });
  await container.start();
  return {
    adminUrl,
    logFile: undefined,
    kill: () => container.kill(),
    start: () => container.start(),
    stop: () => container.stop(),
  };
}

/**
 * Removes the volumes that containers of a state folder kept; does nothing where there is no engine or no volume.
 *
 * @returns Names of the volumes removed.
 */
export async function removeVolumes(folder: string): Promise<readonly string[]> {
  const client = await runtimeClient().catch(() => undefined);
  if (client === undefined) return [];
  const names = ["rabbitmq", "postgres"].map((server) => volumeName(folder, server));
  const removals = names.map((name) => client.container.dockerode.getVolume(name).remove().then(() => name, () => ""));
  return (await Promise.all(removals)).filter((name) => name !== "");
}

/** Name of the volume that holds a server's data for a state folder. */
export function volumeName(folder: string, server: string): string {
  return `jangteo-${folder.split("/").pop()}-${server}`;
}

class ContainerServer {
  readonly #plan: ContainerPlan;
  #container: StartedTestContainer | undefined;
  #isRunning = false;

  constructor(plan: ContainerPlan) {
    this.#plan = plan;
  }

  async start(): Promise<void> {
    if (this.#isRunning) return;
    if (this.#container === undefined) this.#container = await this.#create();
    else await (await runtimeClient()).container.getById(this.#container.getId()).start();
    this.#isRunning = true;
    const deadlineMs = systemClock.monotonicMs() + startLimitMs;
    while (!(await this.#plan.isServing())) {
      if (systemClock.monotonicMs() > deadlineMs) {
        throw new UnavailableError(`Cannot start ${this.#plan.image}: it was not ready after ${startLimitMs} ms`);
      }
      await systemClock.delay(200);
    }
  }

  async kill(): Promise<void> {
    if (this.#container === undefined || !this.#isRunning) return;
    const container = (await runtimeClient()).container.getById(this.#container.getId());
    await container.kill({ signal: "SIGKILL" });
    await container.wait();
    this.#isRunning = false;
  }

  async wipe(): Promise<void> {
    if (this.#isRunning) throw new UnavailableError(`Cannot wipe ${this.#plan.image}: it is running; kill it first`);
    await this.#remove();
    await this.#removeVolume();
  }

  async stop(): Promise<void> {
    if (this.#isRunning) await this.#container?.stop({ remove: false, timeout: 20_000 });
    this.#isRunning = false;
    await this.#remove();
    if (!this.#plan.volume.isKept) await this.#removeVolume();
  }

  async #create(): Promise<StartedTestContainer> {
    const { GenericContainer, Wait } = await import("testcontainers");
    const { image, environment, ports, volume } = this.#plan;
    try {
      return await new GenericContainer(image)
        .withEnvironment(environment)
        .withExposedPorts(...ports)
        .withBindMounts([{ source: volume.name, target: volume.target }])
        .withWaitStrategy(Wait.forListeningPorts())
        .withStartupTimeout(startLimitMs)
        .start();
    } catch (cause) {
      throw new UnavailableError(`Cannot start ${image}: ${errorText(cause)}`, { cause });
    }
  }

  async #remove(): Promise<void> {
    if (this.#container === undefined) return;
    await (await runtimeClient()).container.getById(this.#container.getId()).remove({ force: true, v: true });
    this.#container = undefined;
  }

  async #removeVolume(): Promise<void> {
    await (await runtimeClient()).container.dockerode.getVolume(this.#plan.volume.name).remove();
  }
}

async function runtimeClient(): Promise<ContainerRuntimeClient> {
  // Its clean-up container is one more image that an offline engine does not have; we remove what we start.
  Deno.env.set("TESTCONTAINERS_RYUK_DISABLED", "true");
  const { getContainerRuntimeClient } = await import("testcontainers");
  return await getContainerRuntimeClient();
}
