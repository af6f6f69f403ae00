/**
 * DBOS: a workflow of four steps, each stored before the next one begins. The steps do nothing, so what is measured is
 * durable execution alone, in one process, unsigned.
 *
 * @module
 */
import process from "node:process";
import type { Contender } from "../contender/contender.ts";
import type { ContenderSetup } from "../contender/protocol.ts";
import { serveContender } from "../contender/serve_contender.ts";
import { type OrderData, orderData } from "../contenders/order_data.ts";
import { loadPackage } from "./load_package.ts";

interface Dbos {
  setConfig(config: Readonly<Record<string, unknown>>): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerWorkflow<A, R>(
    workflow: (order: A) => Promise<R>,
    options: { readonly name: string },
  ): (order: A) => Promise<R>;
  runStep<R>(step: () => Promise<R>, options: { readonly name: string }): Promise<R>;
}

interface Postgres {
  readonly Client: new (options: { readonly connectionString: string }) => {
    connect(): Promise<void>;
    query(text: string): Promise<{ readonly rows: readonly { readonly count: number }[] }>;
    end(): Promise<void>;
  };
}

/** DBOS's own default is 10; 20 did better at first tries. */
const poolSize = 20;

async function openDbos({ peersFolder, postgresUrl, databasePrefix }: ContenderSetup): Promise<Contender> {
  const { DBOS } = loadPackage<{ readonly DBOS: Dbos }>(peersFolder, "@dbos-inc/dbos-sdk");
  const { Client } = loadPackage<Postgres>(peersFolder, "pg");
  const url = new URL(postgresUrl);
  url.pathname = `/${databasePrefix}system`;
  DBOS.setConfig({
    name: "checkout",
    systemDatabaseUrl: url.href,
    systemDatabasePoolSize: poolSize,
    logLevel: "error",
    runAdminServer: false,
  });
  const step = (name: string) => DBOS.runStep(() => Promise.resolve({ isDone: true, name }), { name });
  const checkout = DBOS.registerWorkflow(async (order: OrderData) => {
    for (const name of ["reserve", "authorize", "capture", "ship"]) await step(name);
    return order.orderId;
  }, { name: "checkout" });
  await DBOS.launch();
  const counting = new Client({ connectionString: url.href });
  await counting.connect();
  const count = async (from: string) =>
    (await counting.query(`select count(*)::int as count from dbos.${from}`)).rows[0]?.count;
  return {
    processes: { driver: [process.pid] },
    runSaga: async () => {
      const orderId = crypto.randomUUID();
      if (await checkout(orderData(orderId)) !== orderId) throw new Error(`Order ${orderId} ended as another one`);
    },
    judge: async (sagas) => {
      const ended = await count("workflow_status where status = 'SUCCESS'");
      const steps = await count("operation_outputs");
      return [
        ...(ended === sagas ? [] : [`${ended} of ${sagas} workflows have ended`]),
        ...(steps === 4 * sagas ? [] : [`${steps} steps are stored after ${sagas} sagas`]),
      ];
    },
    stop: async () => {
      await counting.end();
      await DBOS.shutdown();
    },
  };
}

await serveContender(openDbos);
