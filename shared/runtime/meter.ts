/** What the runtime counts; the telemetry package turns it into metrics. */
export interface Meter {
  published(type: string, outcome: "confirmed" | "returned" | "nacked"): void;
  /** One message has left its turn. */
  handled(type: string, outcome: "committed" | "duplicate" | "retried" | "dead" | "parked", durationMs: number): void;
  /** One turn has committed. */
  turn(messageCount: number, durationMs: number): void;
  effect(effect: string, outcome: "done" | "unknown", durationMs: number): void;
  /** A message was found wrong before its turn. */
  refused(reason: string): void;
}

/** Counts nothing; for tests. */
export const silentMeter: Meter = Object.freeze({
  published: () => {},
  handled: () => {},
  turn: () => {},
  effect: () => {},
  refused: () => {},
});
