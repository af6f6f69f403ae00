import { errorText, systemClock, systemIds } from "@mesh/base";
import { connectBroker } from "@mesh/broker";
import type { ServiceDefinition } from "@mesh/contract";
import { openKeyDirectory, policyIndex, readEmitPolicy, readKeyFiles, signingKeyFromJwk } from "@mesh/envelope";
import {
  callTokenIssuer,
  httpFeedClient,
  httpPeerClient,
  internalApp,
  type Log,
  type RunningService,
  runtimeConfig,
  startService,
  verifyCallToken,
} from "@mesh/runtime";
import { PostgresStore, type Store } from "@mesh/store";
import { openMetrics } from "@mesh/telemetry";
import { behaviours } from "./services.ts";

/** A service that runs in this process, on broker and database like any other. */
export interface OpenedService {
  readonly running: RunningService;
  /** Drains it and closes what it had open. */
  close(): Promise<void>;
}

const quiet = () => {};
/** Standard output belongs to the reports. */
const complain = (message: string, properties?: Record<string, unknown>) =>
  console.error(
    message,
    properties === undefined
      ? ""
      : JSON.stringify(properties, (_key, value) => value instanceof Error ? errorText(value) : value),
  );
const log: Log = { debug: quiet, info: quiet, warn: complain, error: complain };

/**
 * Starts a service inside this process.
 *
 * @param env Its environment.
 * @param observe Decorates its store.
 */
export async function openService(
  definition: ServiceDefinition,
  env: Readonly<Record<string, string>>,
  observe: (store: Store) => Store = (store) => store,
): Promise<OpenedService> {
  const service = definition.name;
  const config = runtimeConfig((name) => env[name]);
  const metrics = openMetrics(service);
  const signingKey = signingKeyFromJwk(service, await Deno.readTextFile(config.signingKeyFile));
  const keys = await openKeyDirectory({ readDirectory: readKeyFiles(config.keysFolder), clock: systemClock });
  const policy = policyIndex(readEmitPolicy(await Deno.readTextFile(config.policyFile)));
  await using opened = new AsyncDisposableStack();
  const store = opened.use(
    new PostgresStore({ url: config.postgresUrl, clock: systemClock, applicationName: service }),
  );
  const broker = opened.use(
    await connectBroker({ url: config.amqpUrl, connectionName: service, clock: systemClock, logger: log }),
  );
  const running = await startService({
    definition,
    behaviour: behaviours[service]!,
    broker,
    store: observe(store),
    signingKey,
    keys,
    policy,
    feeds: httpFeedClient(httpPeerClient(config.peers, callTokenIssuer(signingKey, systemClock))),
    clock: systemClock,
    ids: systemIds(),
    log,
    meter: metrics.meter,
    settings: config.settings,
    partitions: config.partitions,
    abandon: (reason) => {
      console.error(`${service} gives up: ${reason}`);
      Deno.exit(70);
    },
  });
  const app = internalApp({
    service,
    store,
    log,
    faults: () => running.faults(),
    renderMetrics: () => metrics.render({ backlogCount: running.backlogCount, readStatus: () => store.readStatus() }),
    verifyCall: (token) => verifyCallToken(token, { service, keys, policy, clock: systemClock }),
    operations: running.operations,
  });
  const { internalHost: hostname, internalPort: port } = config;
  const listener = Deno.serve({ hostname, port, onListen: quiet }, (request) => app.fetch(request));
  const all = opened.move();
  return {
    running,
    close: async () => {
      await running.drain();
      await listener.shutdown();
      await all.disposeAsync();
    },
  };
}
