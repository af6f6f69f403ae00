import type { Cause } from "@mesh/actor";
import { type Clock, errorCode, UnavailableError } from "@mesh/base";
import { httpFeedClient, type InternalEnv, type RunningService, type ServiceBuild, type Wiring } from "@mesh/runtime";
import type { Hono } from "hono";
import { postgresAuditStore } from "./adapters/postgres_audit_store.ts";
import { auditApp, type Reading } from "./app.ts";
import { auditConfig } from "./config.ts";
import { EventsRead } from "./contract.ts";
import { renderFeedMetrics } from "./feed_metrics.ts";
import { feedProgress } from "./feed_progress.ts";
import { readFeed } from "./feed_reader.ts";

/**
 * Makes the service from what the runtime has connected.
 *
 * @throws {ConfigError} If the environment is wrong.
 */
export function buildAudit(wiring: Wiring, clock: Clock): ServiceBuild {
  const { config, env, store: meshStore, peers, verifier, verifyCall, accessTokens, log, meter } = wiring;
  const { feedIntervalMs } = auditConfig(env);
  const feeds = httpFeedClient(peers);
  const store = postgresAuditStore(meshStore);
  // Its own feed is read like any other, without a call to itself.
  const owners = [...Object.keys(config.peers).filter((name) => name !== "audit"), "audit"];
  const progress = feedProgress(owners);
  return {
    renderMetrics: () => renderFeedMetrics(progress, clock),
    routes: (running) =>
      auditApp({
        store,
        verifier,
        progress,
        record: (reading, by) => recordReading(running, reading, by),
        clock,
        verifyCall,
        ...(accessTokens === undefined ? {} : { accessTokens }),
      }) as unknown as Hono<InternalEnv>,
    tasks: owners.map((owner) => (_running, signal) =>
      readFeed({
        owner,
        readPage: (query, signal) => owner === "audit" ? meshStore.readFeed(query) : feeds.read(owner, query, signal),
        store,
        verifier,
        progress,
        clock,
        log,
        meter,
        intervalMs: feedIntervalMs,
      }, signal)
    ),
  };
}

/** Another process may write to the same log: it is asked again, and as often as two processes can get in each other's way. */
const recordAttemptsMax = 5;

/**
 * Records a reading in the audit's own log.
 *
 * @throws {UnavailableError} If it cannot be recorded; then nothing may be given out.
 */
export async function recordReading(
  running: Pick<RunningService, "record">,
  { filters, count }: Reading,
  by: Cause,
): Promise<void> {
  for (let attempt = 1;; attempt += 1) {
    try {
      return await running.record((log) => EventsRead({ log, filters, count }), by);
    } catch (error) {
      if (errorCode(error) !== "store.conflict") throw error;
      if (attempt < recordAttemptsMax) continue;
      throw new UnavailableError("Cannot record a reading: the log has too many writers", { cause: error });
    }
  }
}
