/**
 * The runtime: runs actors, sagas and read models on a broker and a store.
 *
 * @module
 */
export {
  type AccessToken,
  type AccessTokenPolicy,
  type AccessTokenVerifier,
  accessTokenVerifier,
  bearerToken,
} from "./access_token.ts";
export {
  type AccessTokenKeys,
  fixedKeys,
  keysFromJwks,
  type RemoteKeys,
  remoteKeys,
  type RemoteKeysOptions,
} from "./access_token_keys.ts";
export type { Acted, ActorExplanation, ActorOperations, TimerView } from "./actor_operations.ts";
export { callTokenIssuer, type CallTokenPolicy, callTokenVerifier, verifyCallToken } from "./call_token.ts";
export { type RuntimeConfig, runtimeConfig, runtimeVariables } from "./config.ts";
export { type Disposition, dispositionOf, nextTierMs } from "./disposition.ts";
export type { InTrace } from "./effect_executor.ts";
export { type FeedClient, type FeedQuery, httpFeedClient } from "./feed_client.ts";
export { callerOnly, internalApp, type InternalAppOptions, type InternalEnv } from "./internal_app.ts";
export { type Log, silentLog } from "./log.ts";
export { type Meter, silentMeter } from "./meter.ts";
export type { InstanceView, Operations } from "./operator_routes.ts";
export { httpPeerClient, type PeerClient } from "./peer_client.ts";
export { peerLookup, type PeerLookupOptions } from "./peer_lookup.ts";
export { type Problem, problemResponse } from "./problem.ts";
export { defineProjection, type ProjectedEvent, type Projection } from "./projection.ts";
export type { RebuildProgress } from "./rebuild.ts";
export { runService, type ServiceBuild, type Wiring } from "./run_service.ts";
export { type LocalCommand, type RunningService, startService } from "./service.ts";
export type { ServiceParts } from "./service_parts.ts";
export { defaultSettings, type RuntimeSettings } from "./settings.ts";
export type { Commit } from "./batch_settler.ts";
export type { Recorded } from "./work.ts";
