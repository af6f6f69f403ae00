import { type Clock, errorText, type IdSource } from "@mesh/base";
import type { AccessTokenVerifier, RunningService, ServiceBuild, Wiring } from "@mesh/runtime";
import { postgresRequests } from "./adapters/postgres_requests.ts";
import { Admission } from "./admission.ts";
import { gatewayApp } from "./app.ts";
import { gatewayConfig } from "./config.ts";
import { orderReader } from "./order_reader.ts";
import { OrderWatch } from "./order_watch.ts";
import { orders } from "./projections/orders.ts";
import { products } from "./projections/products.ts";
import { readModels } from "./read_models.ts";
import { usersClient } from "./users_client.ts";

/** Channel that is notified with each commit that changes rows. */
const rowsChannel = "gateway_rows";

/** Keys are kept for a week: longer than any client repeats. */
const requestAgeMaxMs = 7 * 24 * 3_600_000;

/** Makes the gateway's parts out of what the runtime has connected. */
export function gatewayBuild(
  wiring: Wiring & { readonly accessTokens: AccessTokenVerifier },
  clock: Clock,
  ids: IdSource,
): ServiceBuild {
  const { store, peers, accessTokens, jwks, log, env } = wiring;
  const config = gatewayConfig(env);
  const requests = postgresRequests(store);
  const models = readModels(store, clock);
  const watch = new OrderWatch({ models, clock, log });
  const admission = new Admission({
    readStatus: () => store.readStatus(),
    clock,
    unansweredMax: config.unansweredMax,
  });
  const faults = async () => {
    try {
      await store.nowMs();
      return [];
    } catch (error) {
      return [`postgres: ${errorText(error)}`];
    }
  };
  const appOf = (commands: RunningService) =>
    gatewayApp({
      config,
      requests,
      models,
      orders: orderReader(requests, models),
      watch,
      admission,
      commands,
      users: usersClient(peers),
      peers,
      accessTokens,
      meshJwks: jwks,
      faults,
      clock,
      ids,
      log,
    }).app;
  return {
    projections: [products, orders],
    notify: rowsChannel,
    onRows: (rows) => watch.wake(rows.filter(({ projection }) => projection === orders.name).map(({ key }) => key)),
    publicListener: { host: config.host, port: config.port, app: appOf },
    tasks: [
      (_running, signal) => watch.run(signal),
      (_running, signal) => listenForRows({ store, watch, clock, log }, signal),
      (_running, signal) => forgetRequests({ requests, clock, log }, signal),
    ],
  };
}

/** Rows that another replica has written are told by the database; without it the watch polls. */
async function listenForRows(
  { store, watch, clock, log }: Pick<Wiring, "store" | "log"> & { watch: OrderWatch; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await using _listening = await store.listen(rowsChannel, () => watch.wake());
      return await untilAborted(signal);
    } catch (error) {
      log.warn("Cannot listen for rows, polling instead: {error}", { error: errorText(error) });
      await clock.delay(5_000, signal);
    }
  }
}

async function forgetRequests(
  { requests, clock, log }: Pick<Wiring, "log"> & { requests: ReturnType<typeof postgresRequests>; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.delay(3_600_000, signal);
    if (signal.aborted) return;
    try {
      await requests.forgetRequests(requestAgeMaxMs);
    } catch (error) {
      log.warn("Cannot forget old requests: {error}", { error: errorText(error) });
    }
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
