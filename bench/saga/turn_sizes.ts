/** What a service's turns have come to so far. */
export interface TurnCount {
  readonly turns: number;
  readonly messages: number;
}

/**
 * Reads how many turns a service has committed and how many messages they took.
 *
 * @param text The service's metrics in the text format of Prometheus.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { turnCountOf } from "./turn_sizes.ts";
 *
 * const text = 'mesh_turn_messages_sum{service="orders"} 90\nmesh_turn_messages_count{service="orders"} 30\n';
 * assertEquals(turnCountOf(text), { turns: 30, messages: 90 });
 * ```
 */
export function turnCountOf(text: string): TurnCount {
  return { turns: valueOf(text, "mesh_turn_messages_count"), messages: valueOf(text, "mesh_turn_messages_sum") };
}

/** @returns What came between two readings. */
export function turnsBetween(before: TurnCount, after: TurnCount): TurnCount {
  return { turns: after.turns - before.turns, messages: after.messages - before.messages };
}

/** @returns Messages per turn; `undefined` where there was none. */
export function batchSizeOf({ turns, messages }: TurnCount): number | undefined {
  return turns === 0 ? undefined : messages / turns;
}

function valueOf(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name}{`) || each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(" ") + 1));
}
