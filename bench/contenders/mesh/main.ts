/**
 * The mesh as a contender: orders and three participants as processes of their own, the orchestrator beside the load.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { systemClock } from "@mesh/base";
import type { ServiceDefinition } from "@mesh/contract";
import { denoFlags } from "@jangteo/deploy/permissions";
import type { Contender } from "../../contender/contender.ts";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { serveContender } from "../../contender/serve_contender.ts";
import { type Member, startMember } from "../../contender/start_member.ts";
import { faultsOfMesh } from "./judge_mesh.ts";
import { readMeshBooks } from "./mesh_books.ts";
import { openService } from "./open_service.ts";
import { type MeshEnvironment, provideMesh } from "./provide_mesh.ts";
import { SagaEnds } from "./saga_ends.ts";
import { orchestrator, orders, participants } from "./services.ts";

const members = [orders, ...participants];

async function openMesh(setup: ContenderSetup): Promise<Contender> {
  const environment = await provideMesh(setup);
  const started = members.map((service) => startService(service, environment));
  await Promise.all(members.map(({ name }) => untilReady(environment[name]!.MESH_INTERNAL_PORT!)));
  const ends = new SagaEnds();
  const host = await openService(orchestrator, environment.orchestrator!, (store) => ends.observe(store));
  const place = teller(started[0]!);
  return {
    processes: { services: started.map(({ pid }) => pid), driver: [Deno.pid] },
    runSaga: async () => {
      const orderId = crypto.randomUUID();
      const ended = ends.until(orderId);
      place(orderId);
      const phase = await ended;
      if (phase !== "completed") throw new Error(`Order ${orderId} ended as ${phase}`);
    },
    judge: async (sagas) => faultsOfMesh(await readMeshBooks(setup), sagas),
    stop: async () => {
      await Promise.all([host.close(), ...started.map((member) => member.stop())]);
    },
  };
}

/** Tells `orders` which orders to place, those of one moment in one line. */
function teller(member: Member): (orderId: string) => void {
  let orderIds: string[] = [];
  return (orderId) => {
    if (orderIds.push(orderId) > 1) return;
    setImmediate(() => {
      member.tell(orderIds.join(" "));
      orderIds = [];
    });
  };
}

function startService(definition: ServiceDefinition, environment: MeshEnvironment): Member {
  const { name } = definition;
  const env = { ...Deno.env.toObject(), ...environment[name]! };
  const program = new URL("./member.ts", import.meta.url).pathname;
  return startMember({ name, command: ["run", ...denoFlags(definition, env), program, name], env, isTold: true });
}

/** 30 s: a start on a busy machine. */
const readyLimitMs = 30_000;

async function untilReady(port: string): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + readyLimitMs;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new Error(`Cannot start a service: port ${port} is not ready`);
    }
    await systemClock.delay(50);
  }
}

if (import.meta.main) await serveContender(openMesh);
