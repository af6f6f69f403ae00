import type { Behaviour, EffectAdapters } from "@mesh/actor";
import { errorText, systemClock, systemIds } from "@mesh/base";
import { connectBroker, consumerPriorities } from "@mesh/broker";
import type { ServiceDefinition } from "@mesh/contract";
import {
  type KeyDirectory,
  openKeyDirectory,
  type PolicyIndex,
  policyIndex,
  readEmitPolicy,
  readKeyFiles,
  type SigningKey,
  signingKeyFromJwk,
  type Verifier,
} from "@mesh/envelope";
import { PostgresStore } from "@mesh/store";
import { configureLogging, getLogger, type Metrics, openMetrics, type Tracing, tracing } from "@mesh/telemetry";
import type { Hono } from "hono";
import { type AccessTokenVerifier, accessTokenVerifier } from "./access_token.ts";
import { remoteKeys } from "./access_token_keys.ts";
import { callTokenIssuer, callTokenVerifier } from "./call_token.ts";
import { type RuntimeConfig, runtimeConfig } from "./config.ts";
import { httpFeedClient } from "./feed_client.ts";
import { internalApp, type InternalEnv } from "./internal_app.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import { httpPeerClient, type PeerClient } from "./peer_client.ts";
import type { Projection } from "./projection.ts";
import { type RunningService, startService } from "./service.ts";
import type { ServiceParts } from "./service_parts.ts";

/** What a service's own wiring may use. */
export interface Wiring {
  readonly config: RuntimeConfig;
  /** Reads a variable of the service's own; the runtime reads its own ones itself. */
  readonly env: (name: string) => string | undefined;
  readonly store: PostgresStore;
  readonly peers: PeerClient;
  readonly log: Log;
  readonly meter: Meter;
  /** Proves envelopes for whom they are not addressed to: keys and policy, without a receiver. */
  readonly verifier: Pick<Verifier, "keys" | "policy">;
  /** Verifies customers' and operators' access tokens; absent where none are configured. */
  readonly accessTokens?: AccessTokenVerifier;
  /** Verifies a call token of another service and names it. */
  readonly verifyCall: (token: string) => Promise<string>;
  /** Public keys of the mesh's services, to be published. */
  readonly jwks: () => unknown;
}

/** What a service is made of. */
export interface ServiceBuild {
  readonly behaviour?: Behaviour;
  readonly projections?: readonly Projection[];
  readonly adapters?: EffectAdapters;
  /** Channel that is notified with each commit that changes rows of projections. */
  readonly notify?: string;
  readonly onRows?: ServiceParts["onRows"];
  /** Shows one actor's state to operators. */
  readonly viewOf?: (state: unknown) => unknown;
  /** Routes for peers on the internal port. */
  readonly routes?: (running: RunningService) => Hono<InternalEnv>;
  /** The public listener, where the service has one. */
  readonly publicListener?: {
    readonly host: string;
    readonly port: number;
    readonly app: (
      running: RunningService,
    ) => { fetch(request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> };
  };
  /** Work beside the turns, until the signal aborts. */
  readonly tasks?: readonly ((running: RunningService, signal: AbortSignal) => Promise<void>)[];
  /** Further reasons for not being ready. */
  readonly faults?: () => readonly string[];
  /** Closes what the adapters hold open, once nothing uses them any more. */
  readonly close?: () => void | Promise<void>;
  /** Further metrics, in the text format of Prometheus; what cannot be told now is left out. */
  readonly renderMetrics?: () => string | Promise<string>;
}

/**
 * Runs a service until SIGTERM or SIGINT: reads its configuration, connects, serves its ports, drains, ends the process.
 *
 * @param definition What the service says about itself.
 * @param env Reads one environment variable.
 * @param build Makes its own parts from what the runtime has connected.
 * @throws {ConfigError} If the environment is wrong; nothing was started then.
 */
export async function runService(
  definition: ServiceDefinition,
  env: (name: string) => string | undefined,
  build: Build,
): Promise<void> {
  const stopping = new AbortController();
  try {
    await serveUntilStopped(definition, env, { build, stopping });
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    // Told to stop before it was up, or while something that it waits for is away.
    getLogger(definition.name).warn("Stopped in the middle: {error}", { error: errorText(error) });
  }
  // A connection that some adapter has forgotten would keep a drained process alive until it is killed.
  Deno.exit(0);
}

type Build = (wiring: Wiring) => ServiceBuild | Promise<ServiceBuild>;

async function serveUntilStopped(
  definition: ServiceDefinition,
  env: (name: string) => string | undefined,
  { build, stopping }: { readonly build: Build; readonly stopping: AbortController },
): Promise<void> {
  const service = definition.name;
  const config = runtimeConfig(env);
  await configureLogging({ service, level: env("LOG_LEVEL") ?? "info", format: env("LOG_FORMAT") ?? "json" });
  const log = getLogger(service);
  const stop = abortedBySignals(stopping, log);
  const metrics = openMetrics(service);

  const signingKey = signingKeyFromJwk(service, await Deno.readTextFile(config.signingKeyFile));
  const keys = await openKeyDirectory({ readDirectory: readKeyFiles(config.keysFolder), clock: systemClock });
  const policy = policyIndex(readEmitPolicy(await Deno.readTextFile(config.policyFile)));
  await using store = new PostgresStore({
    url: config.postgresUrl,
    clock: systemClock,
    applicationName: service,
  });
  await using broker = await connectBroker({
    url: config.amqpUrl,
    connectionName: `${service}-${config.ordinal}`,
    clock: systemClock,
    logger: log,
    signal: stop,
  });
  const wiring = wiringOf({ service, config, env, store, signingKey, keys, policy, log, metrics });
  const parts = await build(wiring);
  const running = await startService({
    ...partsOf(parts),
    ...tracedBy(tracing(service, config.isTraced)),
    definition,
    broker,
    store,
    signingKey,
    keys,
    policy,
    feeds: httpFeedClient(wiring.peers),
    clock: systemClock,
    ids: systemIds(),
    log,
    meter: metrics.meter,
    settings: config.settings,
    partitions: config.partitions,
    ordinal: config.ordinal,
    ...replicationOf(config),
    abandon: (reason) => abandon(reason, log),
  });
  const listeners = await listen(definition, config, parts, running, { ...wiring, metrics });
  const tasks = [...parts.tasks ?? [], () => keepKeysFresh(keys, log, stop)].map((task) => task(running, stop));
  log.info("Up on port {port}", { port: listeners[0]?.addr.port });

  await aborted(stop);
  await running.drain();
  await Promise.allSettled(tasks);
  await Promise.all(listeners.map((listener) => listener.shutdown()));
  await parts.close?.();
  log.info("Drained");
}

/** 60 s: a key that was added is known before anybody signs with it. */
const keysEveryMs = 60_000;

/** Reads the key directory again and again, so that a rotation needs no restart. */
async function keepKeysFresh(keys: KeyDirectory, log: Log, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await systemClock.delay(keysEveryMs, stop);
    if (stop.aborted) return;
    await keys.refresh().catch((error) => log.warn("Cannot refresh keys: {error}", { error: errorText(error) }));
  }
}

/** Spans cost something, so without telemetry messages only pass on the headers they came with. */
function tracedBy(trace: Tracing): Pick<ServiceParts, "continueTrace" | "inTrace" | "currentTrace"> {
  if (!trace.isEnabled) return {};
  return { continueTrace: trace.continueTrace, inTrace: trace.inTrace, currentTrace: trace.currentTrace };
}

/** Replicas take partitions by a fixed balanced table. */
function replicationOf(
  { replicas, ordinal, partitions }: RuntimeConfig,
): Pick<ServiceParts, "hasReplicas" | "priorityOf"> {
  if (replicas === 1) return {};
  const priorities = consumerPriorities(ordinal, partitions);
  return { hasReplicas: true, priorityOf: (partition) => priorities[partition] ?? 0 };
}

/** Ends the process with EX_SOFTWARE (sysexits.h): only a fresh start is safe. */
function abandon(reason: string, log: Log): never {
  log.error("Ending the process: {reason}", { reason });
  Deno.exit(70);
}

interface Connected {
  readonly service: string;
  readonly config: RuntimeConfig;
  readonly env: Wiring["env"];
  readonly store: PostgresStore;
  readonly signingKey: SigningKey;
  readonly keys: KeyDirectory;
  readonly policy: PolicyIndex;
  readonly log: Log;
  readonly metrics: Metrics;
}

function wiringOf({ service, config, env, store, signingKey, keys, policy, log, metrics }: Connected): Wiring {
  const accessTokens = accessTokensOf(config);
  return {
    config,
    env,
    store,
    peers: httpPeerClient(config.peers, callTokenIssuer(signingKey, systemClock)),
    log,
    meter: metrics.meter,
    verifier: { keys, policy },
    verifyCall: callTokenVerifier({ service, keys, policy, clock: systemClock }),
    jwks: () => keys.jwks(),
    ...(accessTokens === undefined ? {} : { accessTokens }),
  };
}

async function listen(
  definition: ServiceDefinition,
  config: RuntimeConfig,
  parts: ServiceBuild,
  running: RunningService,
  { store, log, metrics, verifyCall, accessTokens }: Wiring & { readonly metrics: Metrics },
): Promise<readonly Deno.HttpServer<Deno.NetAddr>[]> {
  const internal = internalApp({
    service: definition.name,
    store,
    log,
    faults: () => faultsOf(running, parts, store),
    renderMetrics: async () => {
      const { backlogCount } = running;
      const text = await metrics.render({ backlogCount, readStatus: () => store.readStatus() });
      return text + (await parts.renderMetrics?.() ?? "");
    },
    verifyCall,
    ...(accessTokens === undefined ? {} : { accessTokens }),
    operations: running.operations,
    ...(parts.routes === undefined ? {} : { routes: parts.routes(running) }),
  });
  const quiet = { onListen: () => {} };
  const listeners = [
    Deno.serve(
      { hostname: config.internalHost, port: config.internalPort, ...quiet },
      (request) => internal.fetch(request),
    ),
  ];
  if (parts.publicListener !== undefined) {
    const { host, port, app } = parts.publicListener;
    const made = app(running);
    listeners.push(Deno.serve({ hostname: host, port, ...quiet }, (request, info) => made.fetch(request, info)));
  }
  return await Promise.resolve(listeners);
}

/** Days of inbox partitions ahead below which the service is not ready: the migration job has stopped working. */
const inboxDaysAheadMin = 3;

async function faultsOf(
  running: RunningService,
  parts: ServiceBuild,
  store: PostgresStore,
): Promise<readonly string[]> {
  const found = [...running.faults(), ...parts.faults?.() ?? []];
  try {
    const { inboxDaysAhead } = await store.readStatus();
    if (inboxDaysAhead < inboxDaysAheadMin) found.push(`inbox: partitions for ${inboxDaysAhead} days only`);
  } catch (error) {
    found.push(`postgres: ${errorText(error)}`);
  }
  return found;
}

function partsOf(
  build: ServiceBuild,
): Pick<ServiceParts, "behaviour" | "projections" | "adapters" | "notify" | "onRows" | "viewOf"> {
  const { behaviour, projections, adapters, notify, onRows, viewOf } = build;
  return {
    ...(behaviour === undefined ? {} : { behaviour }),
    ...(projections === undefined ? {} : { projections }),
    ...(adapters === undefined ? {} : { adapters }),
    ...(notify === undefined ? {} : { notify }),
    ...(onRows === undefined ? {} : { onRows }),
    ...(viewOf === undefined ? {} : { viewOf }),
  };
}

function accessTokensOf({ accessTokens }: RuntimeConfig): AccessTokenVerifier | undefined {
  if (accessTokens === undefined) return undefined;
  const { issuer, audience, jwksUrl } = accessTokens;
  return accessTokenVerifier({
    issuer,
    audience,
    keys: remoteKeys({ url: jwksUrl, clock: systemClock }),
    clock: systemClock,
  });
}

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
function abortedBySignals(controller: AbortController, log: Log): AbortSignal {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => {
      if (controller.signal.aborted) Deno.exit(130);
      log.info("Draining after {signal}", { signal });
      controller.abort();
    });
  }
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
