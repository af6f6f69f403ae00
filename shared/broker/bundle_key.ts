import { partitionOfSlot } from "./topology_names.ts";

/**
 * Says which messages of one exchange reach the same partitions, whoever receives them: those of one type and version
 * whose slots fall into the same partition.
 *
 * @param routingKey As `destinationOf` makes it: `<type>.v<major>.k<slot>` or, for events, `….k<slot>.c<slot>`.
 * @param partitions Mailbox partitions of each service, 1 to 64.
 * @returns A bundle key, or `undefined` for any other routing key: a retry or a redrive names its queue and travels
 * alone.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { bundleKeyOf } from "@mesh/broker";
 *
 * assertEquals(bundleKeyOf("inventory.reserve-stock.v1.k27", 8), "inventory.reserve-stock.v1.3");
 * assertEquals(bundleKeyOf("inventory.stock-reserved.v1.k27.c07", 8), "inventory.stock-reserved.v1.3.7");
 * assertEquals(bundleKeyOf("inventory.stock-reserved.v1.k27.c07", 1), "inventory.stock-reserved.v1.0.0");
 * assertEquals(bundleKeyOf("inventory.in.p3", 8), undefined);
 * ```
 */
export function bundleKeyOf(routingKey: string, partitions: number): string | undefined {
  // From the end and without a pattern: every message asks, and a match with its parts takes longer than all the rest.
  const correlation = slotBefore(routingKey, routingKey.length, "c");
  const stemAndKey = correlation === undefined ? routingKey.length : routingKey.length - slotLength;
  const key = slotBefore(routingKey, stemAndKey, "k");
  const stemEnd = stemAndKey - slotLength;
  if (key === undefined || !isStem(routingKey, stemEnd)) return undefined;
  const byKey = `${routingKey.slice(0, stemEnd)}.${partitionOfSlot(key, partitions)}`;
  return correlation === undefined ? byKey : `${byKey}.${partitionOfSlot(correlation, partitions)}`;
}

/** `.k` or `.c` and two digits. */
const slotLength = 4;

/** @returns The slot that `.<mark>NN` before `end` names. */
function slotBefore(text: string, end: number, mark: string): number | undefined {
  const tens = digitAt(text, end - 2);
  const ones = digitAt(text, end - 1);
  if (tens < 0 || ones < 0 || text[end - 3] !== mark || text[end - 4] !== ".") return undefined;
  return 10 * tens + ones;
}

/** Whether what stands before `end` is something with a version: `….v<digits>`. */
function isStem(text: string, end: number): boolean {
  let at = end;
  while (digitAt(text, at - 1) >= 0) at -= 1;
  return at < end && at > 2 && text[at - 1] === "v" && text[at - 2] === ".";
}

/** @returns The digit at a place, or -1. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - 0x30;
  return digit >= 0 && digit <= 9 ? digit : -1;
}
