import { v7 } from "uuid";
import { type Clock, systemClock } from "./clock.ts";

/** Draws message ids; a parameter, so that tests and the simulation can fix them. */
export interface IdSource {
  /** @returns A UUIDv7 (RFC 9562 5.7) in lower case: unique, and sortable by the time it was drawn. */
  next(): string;
}

/**
 * Draws UUIDv7 ids from the given clock and the system's randomness.
 *
 * The inbox is partitioned by message id, which is why every id is a UUIDv7 that is drawn once and stored.
 *
 * @param clock Gives the time part.
 * @returns A source of ids.
 */
export function systemIds(clock: Clock = systemClock): IdSource {
  return { next: () => v7({ msecs: clock.nowMs() }) };
}

/**
 * Draws ids that count up from a fixed start: the same sequence in every run.
 *
 * @param startMs Time part of the ids, in milliseconds since 1970.
 * @returns A source of valid UUIDv7 ids.
 */
export function sequentialIds(startMs = Date.UTC(2026, 0, 1)): IdSource {
  const time = startMs.toString(16).padStart(12, "0");
  let count = 0;
  return {
    next: () => {
      count += 1;
      const tail = count.toString(16).padStart(12, "0");
      return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`;
    },
  };
}

/**
 * Reads the time that a UUIDv7 was drawn at.
 *
 * @param id A UUIDv7.
 * @returns Milliseconds since 1970.
 */
export function timeOfUuidV7(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
