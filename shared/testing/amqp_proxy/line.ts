import type { Clock } from "@mesh/base";
import type { FaultSource } from "./fault.ts";
import type { Unit } from "./unit.ts";

/** A way through the proxy. */
export type Direction = "to-client" | "to-broker";

/** What a channel may do to the connection that it is part of. */
export interface Line {
  readonly faults: FaultSource;
  readonly clock: Clock;
  /** Aborts once the connection is over. */
  readonly ended: AbortSignal;
  /** Whether a fault may begin: the connection is open and suffers none at the moment. */
  readonly mayStrike: boolean;
  /** Whether the client has said that it hears `basic.cancel`. */
  readonly hearsCancel: boolean;
  /** Whether the client has said that it hears `connection.blocked`. */
  readonly hearsBlocked: boolean;
  send(direction: Direction, bytes: Uint8Array): void;
  /** Ends the connection to both sides without a goodbye, after the first part of these bytes. */
  cut(direction?: Direction, bytes?: Uint8Array): void;
  /** Lets nothing flow for a while. */
  stall(): void;
  /** Tells the client that the broker reads nothing, and reads nothing for a while. */
  block(): void;
  /** Tells both sides that the connection is closed. */
  close(): void;
  /** A channel is closed on both sides. @param next What the client has said since on a new one of the same number. */
  forget(channel: number, next: readonly Unit[]): void;
}
