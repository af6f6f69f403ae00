import type { ContenderSetup } from "../contender/protocol.ts";
import { loadPackage } from "./load_package.ts";

/** What is used of Moleculer. */
export interface ServiceBroker {
  start(): Promise<void>;
  stop(): Promise<void>;
  waitForServices(names: readonly string[]): Promise<unknown>;
  call(action: string, parameters: unknown): Promise<unknown>;
  createService(schema: { readonly name: string; readonly actions: Readonly<Record<string, unknown>> }): unknown;
}

/**
 * Makes a node over AMQP, tuned: with the defaults (prefetch 1, no `noDelay`) every call waits 40 ms for Nagle's
 * algorithm and it does 10 sagas a second.
 */
export function moleculerNode(
  { peersFolder, amqpUrl }: Pick<ContenderSetup, "peersFolder" | "amqpUrl">,
  nodeID: string,
): ServiceBroker {
  const moleculer = loadPackage<{ readonly ServiceBroker: new (options: unknown) => ServiceBroker }>(
    peersFolder,
    "moleculer",
  );
  return new moleculer.ServiceBroker({
    nodeID,
    logger: false,
    requestTimeout: 30_000,
    transporter: { type: "AMQP", options: { url: amqpUrl, prefetch: 200, socketOptions: { noDelay: true } } },
  });
}
