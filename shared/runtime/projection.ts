import type { Cause } from "@mesh/actor";
import type { EventContract } from "@mesh/contract";

/** An event as a projection sees it. */
export interface ProjectedEvent {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  /** `<service>/<key>` that recorded it. */
  readonly stream: string;
  /** Position in its stream, from 1. */
  readonly position: number;
  readonly key: string;
  readonly correlation: string;
  readonly data: unknown;
  /** Whole seconds since 1970 as the signer saw it; information only. */
  readonly recordedAtMs: number;
  readonly cause?: Cause;
}

/**
 * A read model: a pure function from row and event to row.
 *
 * It sees every event of the streams that feed it, each once and in order, whatever the broker did: the row keeps the
 * position per source stream, and a gap is filled from the owner's feed.
 */
export interface Projection<Row = unknown> {
  readonly name: string;
  /** Everything the source streams may say; events that the projection does not care for only move the position. */
  readonly subscribes: readonly EventContract[];
  /** @returns Key of the row that the event belongs to, or `undefined` when it belongs to none. */
  keyOf(event: ProjectedEvent): string | undefined;
  initialRow(key: string): Row;
  apply(row: Row, event: ProjectedEvent): Row;
  /** Who may see the row in lists; empty for everybody. */
  ownerOf(row: Row): string;
  /** What lists are sorted by, descending, compared as text. */
  sortOf(row: Row, key: string): string;
}

/**
 * Freezes a projection's definition.
 *
 * @returns The same definition with its row type kept.
 */
export function defineProjection<Row>(projection: Projection<Row>): Projection<Row> {
  return Object.freeze(projection);
}
