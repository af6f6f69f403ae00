import { systemClock, systemIds } from "@mesh/base";
import type { ServiceDefinition } from "@mesh/contract";
import { denoFlags } from "@jangteo/deploy/permissions";
import type { Contender } from "../../contender/contender.ts";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { type Member, startMember } from "../../contender/start_member.ts";
import { orderData } from "../order_data.ts";
import { growHistory, type OrderKeys } from "./grow_history.ts";
import { Checkout } from "./contracts.ts";
import { eventsPerSaga, faultsOfMesh } from "./judge_mesh.ts";
import { readMeshBooks } from "./mesh_books.ts";
import { openService } from "./open_service.ts";
import { type MeshEnvironment, provideMesh } from "./provide_mesh.ts";
import { SagaEnds } from "./saga_ends.ts";
import { orchestrator, participants } from "./services.ts";

/** Sagas that a history is copied from. */
const sampleSagas = 64;

/** Events that one saga leaves behind in all services. */
const eventsOfOne = Object.values(eventsPerSaga).reduce((sum, count) => sum + count, 0);

/**
 * Starts three participants as processes of their own, the orchestrator beside the load.
 *
 * @param plan Events that the services are to have recorded before, in all: real sagas, and copies of them.
 */
export async function openMesh(
  setup: ContenderSetup,
  { historyEvents, keys }: { readonly historyEvents: number; readonly keys: OrderKeys },
): Promise<Contender> {
  const environment = await provideMesh(setup);
  if (historyEvents === 0) return await startMesh(setup, environment, { sagasBefore: 0, keys });
  const copies = Math.ceil(historyEvents / (sampleSagas * eventsOfOne)) - 1;
  const first = await startMesh(setup, environment, { sagasBefore: 0, keys });
  await Promise.all(Array.from({ length: sampleSagas }, () => first.runSaga()));
  const faults = await first.judge(sampleSagas);
  await first.stop();
  if (faults.length > 0) throw new Error(`Cannot make a history: ${faults.join("; ")}`);
  await growHistory(setup, { copies, keys });
  return await startMesh(setup, environment, { sagasBefore: sampleSagas * (copies + 1), keys });
}

/** @param state Sagas that the books hold already, and what order ids are like. */
async function startMesh(
  setup: ContenderSetup,
  environment: MeshEnvironment,
  { sagasBefore, keys }: { readonly sagasBefore: number; readonly keys: OrderKeys },
): Promise<Contender> {
  const ids = systemIds();
  const started = participants.map((service) => startService(service, environment));
  await Promise.all(participants.map(({ name }) => untilReady(environment[name]!.MESH_INTERNAL_PORT!)));
  const ends = new SagaEnds();
  const host = await openService(orchestrator, environment.orchestrator!, (store) => ends.observe(store));
  return {
    processes: { services: started.map(({ pid }) => pid), driver: [Deno.pid] },
    runSaga: async () => {
      const orderId = keys === "time" ? ids.next() : crypto.randomUUID();
      const ended = ends.until(orderId);
      await host.running.execute(Checkout(orderData(orderId)), { correlation: orderId });
      const phase = await ended;
      if (phase !== "completed") throw new Error(`Order ${orderId} ended as ${phase}`);
    },
    judge: async (sagas) => faultsOfMesh(await readMeshBooks(setup), sagasBefore + sagas),
    stop: async () => {
      await Promise.all([host.close(), ...started.map((member) => member.stop())]);
    },
  };
}

function startService(definition: ServiceDefinition, environment: MeshEnvironment): Member {
  const { name } = definition;
  const env = { ...Deno.env.toObject(), ...environment[name]! };
  const program = new URL("./member.ts", import.meta.url).pathname;
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
      throw new Error(`Cannot start a service: port ${port} is not ready`);
    }
    await systemClock.delay(50);
  }
}
