/**
 * Moleculer: four calls one after the other over AMQP, to services in three other processes. Nothing is durable: what a
 * crash finds under way is lost. It shows what the messages alone cost.
 *
 * @module
 */
import process from "node:process";
import type { Contender } from "../contender/contender.ts";
import type { ContenderSetup } from "../contender/protocol.ts";
import { serveContender } from "../contender/serve_contender.ts";
import { startMember } from "../contender/start_member.ts";
import { orderData } from "../contenders/order_data.ts";
import { moleculerNode } from "./moleculer_broker.ts";

const services = ["inventory", "payment", "shipping"];

async function openMoleculer(setup: ContenderSetup): Promise<Contender> {
  const program = new URL("./moleculer_service.ts", import.meta.url).pathname;
  const env = { ...process.env, MOLECULER_SETUP: JSON.stringify(setup) };
  const members = services.map((name) => startMember({ name, command: [program, name], env }));
  await Promise.all(members.map((member) => member.untilLine(/^ready$/)));
  const node = moleculerNode(setup, "driver");
  await node.start();
  await node.waitForServices(services);
  return {
    processes: { services: members.map(({ pid }) => pid), driver: [process.pid] },
    runSaga: async () => {
      const order = orderData(crypto.randomUUID());
      for (const action of ["inventory.reserve", "payment.authorize", "payment.capture", "shipping.ship"]) {
        const { orderId } = await node.call(action, order) as { readonly orderId: string };
        if (orderId !== order.orderId) throw new Error(`Order ${order.orderId} was answered as ${orderId}`);
      }
    },
    judge: async (sagas) => {
      const counts = await Promise.all(members.map((member) => member.ask("SIGUSR2", /^count \d+$/)));
      const done = counts.reduce((sum, line) => sum + Number(line.slice("count ".length)), 0);
      return done === 4 * sagas ? [] : [`${done} calls were answered for ${sagas} sagas`];
    },
    stop: async () => {
      await node.stop();
      await Promise.all(members.map((member) => member.stop()));
    },
  };
}

await serveContender(openMoleculer);
