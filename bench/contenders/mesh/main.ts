/**
 * The mesh as a contender: three participants as processes of their own, orders and orchestrator beside the load.
 *
 * @module
 */
import { systemClock } from "@mesh/base";
import { denoFlags } from "@jangteo/deploy/permissions";
import type { Contender } from "../../contender/contender.ts";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { serveContender } from "../../contender/serve_contender.ts";
import { type Member, startMember } from "../../contender/start_member.ts";
import { orderData } from "../order_data.ts";
import { PlaceOrder } from "./contracts.ts";
import { faultsOfMesh } from "./judge_mesh.ts";
import { readMeshBooks } from "./mesh_books.ts";
import { openService } from "./open_service.ts";
import { type MeshEnvironment, provideMesh } from "./provide_mesh.ts";
import { SagaEnds } from "./saga_ends.ts";
import { orchestrator, orders, participants } from "./services.ts";

async function openMesh(setup: ContenderSetup): Promise<Contender> {
  const environment = await provideMesh(setup);
  const members = participants.map(({ name }) => startParticipant(name, environment));
  await Promise.all(participants.map(({ name }) => untilReady(environment[name]!.MESH_INTERNAL_PORT!)));
  const ends = new SagaEnds();
  const host = await openService(orchestrator, environment.orchestrator!, (store) => ends.observe(store));
  const till = await openService(orders, environment.orders!);
  return {
    processes: { services: members.map(({ pid }) => pid), driver: [Deno.pid] },
    runSaga: async () => {
      const orderId = crypto.randomUUID();
      const ended = ends.until(orderId);
      await till.running.execute(PlaceOrder(orderData(orderId)), { correlation: orderId });
      const phase = await ended;
      if (phase !== "completed") throw new Error(`Order ${orderId} ended as ${phase}`);
    },
    judge: async (sagas) => faultsOfMesh(await readMeshBooks(setup), sagas),
    stop: async () => {
      await Promise.all([till.close(), host.close(), ...members.map((member) => member.stop())]);
    },
  };
}

function startParticipant(name: string, environment: MeshEnvironment): Member {
  const definition = participants.find((service) => service.name === name)!;
  const env = { ...Deno.env.toObject(), ...environment[name]! };
  const program = new URL("./participant.ts", import.meta.url).pathname;
  return startMember({ name, command: ["run", ...denoFlags(definition, env), program, name], env });
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
      throw new Error(`Cannot start a participant: port ${port} is not ready`);
    }
    await systemClock.delay(50);
  }
}

if (import.meta.main) await serveContender(openMesh);
