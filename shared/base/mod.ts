/**
 * What every other package stands on: errors, clock, ids, slots, hashes. No I/O, no business.
 *
 * @module
 */
export { type Clock, ManualClock, systemClock } from "./clock.ts";
export { Deadlines } from "./deadlines.ts";
export {
  ConfigError,
  ConflictError,
  ContractError,
  DefectError,
  type ErrorCode,
  errorCode,
  errorText,
  invariant,
  MeshError,
  type MeshErrorOptions,
  TrustError,
  UnavailableError,
} from "./errors.ts";
export { sha256 } from "./hash.ts";
export { type IdSource, sequentialIds, systemIds, timeOfUuidV7 } from "./id.ts";
export { InFlightMap } from "./in_flight_map.ts";
export type { Json } from "./json.ts";
export { LoadTogether } from "./load_together.ts";
export { murmur3 } from "./murmur3.ts";
export { slotCount, slotOf } from "./slot.ts";
