/**
 * One service of the Moleculer contender: `moleculer_service.ts <service>`.
 *
 * @module
 */
import process from "node:process";
import type { OrderData } from "../contenders/order_data.ts";
import { moleculerNode } from "./moleculer_broker.ts";

const name = process.argv[2]!;
const node = moleculerNode(JSON.parse(process.env.MOLECULER_SETUP!), name);
let count = 0;
const answer = ({ params: { orderId } }: { readonly params: OrderData }) => {
  count += 1;
  return { isDone: true, orderId };
};
node.createService({ name, actions: { reserve: answer, authorize: answer, capture: answer, ship: answer } });
await node.start();
process.on("SIGUSR2", () => console.log(`count ${count}`));
console.log("ready");
