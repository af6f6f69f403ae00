import { slotOf } from "@mesh/base";
import type { MessageKind } from "./message.ts";

/** The exchange that carries all facts. */
export const eventsExchange = "mesh.events";
/** The exchange that carries requests to one owner each. */
export const commandsExchange = "mesh.commands";

/** Where a message is published: exchange and routing key, both under the signature. */
export interface Destination {
  readonly exchange: string;
  readonly routingKey: string;
}

/** What a message's destination follows from. */
export interface Addressed {
  readonly kind: MessageKind;
  readonly type: string;
  readonly version: number;
  readonly key: string;
  readonly correlation: string;
}

/**
 * Says where a message is published.
 *
 * Commands go to `<service>.<command>.v<major>.k<slot of key>`; events carry the slot of their correlation as well,
 * `<service>.<event>.v<major>.k<slot>.c<slot>`, so that a receiver may bind by either.
 *
 * @returns Exchange and routing key; the same for every attempt.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { destinationOf } from "@mesh/contract";
 *
 * const about = { kind: "command", type: "inventory.reserve-stock", version: 1, key: "TEA-0001", correlation: "hello" } as const;
 * assertEquals(destinationOf(about), { exchange: "mesh.commands", routingKey: "inventory.reserve-stock.v1.k27" });
 * assertEquals(destinationOf({ ...about, kind: "event", type: "inventory.stock-reserved" }).routingKey,
 *   "inventory.stock-reserved.v1.k27.c07");
 * ```
 */
export function destinationOf({ kind, type, version, key, correlation }: Addressed): Destination {
  const stem = `${type}.v${version}.k${slotWord(slotOfKey(key))}`;
  return kind === "command"
    ? { exchange: commandsExchange, routingKey: stem }
    : { exchange: eventsExchange, routingKey: `${stem}.c${slotWord(slotOf(correlation))}` };
}

/**
 * Says which slot an actor key belongs to: that of its last segment, so that a saga `place-order/<correlation>` shares
 * the partition of the messages that reach it by correlation.
 *
 * @param key An actor key; a kind may stand before a slash.
 * @returns A whole number from 0 to 63.
 */
export function slotOfKey(key: string): number {
  return slotOf(key.slice(key.lastIndexOf("/") + 1));
}

/** @returns The slot as it stands in routing keys: two digits, `00` to `63`. */
export function slotWord(slot: number): string {
  return slot < 10 ? `0${slot}` : String(slot);
}
