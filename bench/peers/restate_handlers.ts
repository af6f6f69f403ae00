/**
 * Handlers of the Restate contender, one process each: `restate_handlers.ts <peers folder> <port> <service>`. Each
 * counts what it has done, and prints the count when it is told to end.
 *
 * @module
 */
import process from "node:process";
import type { OrderData } from "../contenders/order_data.ts";
import { loadPackage } from "./load_package.ts";

interface Context {
  run<R>(name: string, step: () => R): Promise<R>;
  serviceClient(service: { readonly name: string }): Readonly<Record<string, (order: OrderData) => Promise<unknown>>>;
}

type Handler = (context: Context, order: OrderData) => Promise<unknown>;

interface Restate {
  service(definition: { readonly name: string; readonly handlers: Readonly<Record<string, Handler>> }): unknown;
  serve(options: { readonly services: readonly unknown[]; readonly port: number }): Promise<unknown>;
}

/** Who is asked for what, in order. */
const steps = [["inventory", "reserve"], ["payment", "authorize"], ["payment", "capture"], [
  "shipping",
  "ship",
]] as const;

const [, , peersFolder = "", port = "", service = ""] = process.argv;
const restate = loadPackage<Restate>(peersFolder, "@restatedev/restate-sdk");
let count = 0;

const inSteps: Handler = async (context, { orderId }) => {
  for (const [, name] of steps) {
    await context.run(name, () => {
      count += 1;
      return { isDone: true, name };
    });
  }
  return { orderId };
};

const inCalls: Handler = async (context, order) => {
  for (const [name, handler] of steps) await context.serviceClient({ name })[handler]!(order);
  return { orderId: order.orderId };
};

const answer: Handler = (_context, { orderId }) => {
  count += 1;
  return Promise.resolve({ isDone: true, orderId });
};

const handlersOf: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  checkout: { inSteps, inCalls },
  ...Object.fromEntries(["inventory", "payment", "shipping"].map((name) => {
    const own = steps.filter(([owner]) => owner === name).map(([, handler]) => [handler, answer]);
    return [name, Object.fromEntries(own)];
  })),
};

await restate.serve({
  services: [restate.service({ name: service, handlers: handlersOf[service]! })],
  port: Number(port),
});
process.on("SIGUSR2", () => console.log(`count ${count}`));
console.log("ready");
