/**
 * Restate: `restate.ts steps` runs four steps inside one handler, `restate.ts calls` calls handlers in three other
 * processes. Its server keeps log and state itself, so it stands for broker and database at once.
 *
 * @module
 */
import http from "node:http";
import { createServer } from "node:net";
import process from "node:process";
import type { Contender } from "../contender/contender.ts";
import type { ContenderSetup } from "../contender/protocol.ts";
import { serveContender } from "../contender/serve_contender.ts";
import { type Member, startMember } from "../contender/start_member.ts";
import { orderData } from "../contenders/order_data.ts";

const isCalls = process.argv[2] === "calls";
const services = isCalls ? ["checkout", "inventory", "payment", "shipping"] : ["checkout"];

async function openRestate(setup: ContenderSetup): Promise<Contender> {
  const [ingress, admin, fabric, ...ports] = await findPorts(3 + services.length) as [number, number, number];
  const server = startServer(setup, { ingress, admin, fabric });
  const handlers = services.map((service, index) => startHandlers(setup, service, ports[index]!));
  await Promise.all(handlers.map((handler) => handler.untilLine(/^ready$/)));
  await untilHealthy(`http://127.0.0.1:${admin}/health`);
  for (const port of ports) await register(admin, port);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1_024 });
  const path = `/checkout/${isCalls ? "inCalls" : "inSteps"}`;
  return {
    processes: {
      broker: [server.pid],
      services: handlers.map(({ pid }) => pid),
      driver: [process.pid],
    },
    runSaga: async () => {
      const orderId = crypto.randomUUID();
      const answer = JSON.parse(await post(agent, { port: ingress, path, body: JSON.stringify(orderData(orderId)) }));
      if (answer.orderId !== orderId) throw new Error(`Order ${orderId} ended as ${answer.orderId}`);
    },
    judge: async (sagas) => {
      const counts = await Promise.all(handlers.map(countOf));
      const done = counts.reduce((sum, count) => sum + count, 0);
      return done === 4 * sagas ? [] : [`${done} steps were done for ${sagas} sagas`];
    },
    stop: async () => {
      agent.destroy();
      await Promise.all([...handlers, server].map((member) => member.stop()));
    },
  };
}

function startServer(
  { peersFolder, folder }: ContenderSetup,
  { ingress, admin, fabric }: { readonly ingress: number; readonly admin: number; readonly fabric: number },
): Member {
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  return startMember({
    name: "restate-server",
    program: `${peersFolder}/node_modules/@restatedev/restate-server-linux-${architecture}/bin/restate-server`,
    command: [
      ...["--no-logo", "--listen-mode", "tcp", "--node-name", "bench", "--base-dir", `${folder}/restate`],
      ...["--bind-ip", "127.0.0.1", "--bind-port", String(fabric), "--advertised-host", "127.0.0.1"],
      ...["--log-filter", "error,octocrab=off", "--log-disable-ansi-codes", "true"],
    ],
    env: {
      ...process.env,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: "true",
      DO_NOT_TRACK: "1",
    },
    workDir: folder,
  });
}

function startHandlers({ peersFolder }: ContenderSetup, service: string, port: number): Member {
  const program = new URL("./restate_handlers.ts", import.meta.url).pathname;
  // The SDK logs every call at INFO otherwise.
  const env = { ...process.env, RESTATE_LOGGING: "ERROR", NODE_ENV: "production" };
  return startMember({ name: service, command: [program, peersFolder, String(port), service], env });
}

async function register(admin: number, port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${admin}/deployments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ uri: `http://127.0.0.1:${port}` }),
  });
  if (!response.ok) throw new Error(`Cannot register port ${port}: ${await response.text()}`);
}

/** 300 times 100 ms: a start on a busy machine. */
const healthAttemptsMax = 300;

async function untilHealthy(url: string): Promise<void> {
  for (let attempt = 0; attempt < healthAttemptsMax; attempt += 1) {
    const isHealthy = await fetch(url).then(({ ok }) => ok, () => false);
    if (isHealthy) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Cannot start restate-server: ${url} does not answer`);
}

function post(
  agent: http.Agent,
  { port, path, body }: { readonly port: number; readonly path: string; readonly body: string },
): Promise<string> {
  const headers = {
    "content-type": "application/json",
    "content-length": String(new TextEncoder().encode(body).length),
  };
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, path, method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => text += chunk);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`Cannot run a saga: status ${response.statusCode}: ${text}`));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function countOf(handler: Member): Promise<number> {
  return Number((await handler.ask("SIGUSR2", /^count \d+$/)).slice("count ".length));
}

/** Free ports on loopback, held until all are found, so that they differ. */
async function findPorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () =>
      new Promise<ReturnType<typeof createServer>>((resolve) => {
        const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
      })),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

await serveContender(openRestate);
