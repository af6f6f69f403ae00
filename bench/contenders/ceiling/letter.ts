import type { OrderData } from "../order_data.ts";

/** What travels, both ways; with everything that an envelope of the mesh says. */
export interface Letter {
  readonly id: string;
  readonly type: string;
  readonly saga: string;
  /** Index of the step. */
  readonly step: number;
  readonly issuer: string;
  readonly version: number;
  readonly recordedAtMs: number;
  readonly traceparent: string;
  readonly data: OrderData;
}

/** Writes a letter under a new id. */
export function letterFrom(issuer: string, about: Pick<Letter, "type" | "saga" | "step" | "data">): Letter {
  return {
    id: crypto.randomUUID(),
    issuer,
    version: 1,
    recordedAtMs: Date.now(),
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ...about,
  };
}
