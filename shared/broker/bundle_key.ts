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
  const match = slots.exec(routingKey);
  if (match === null) return undefined;
  const [, stem, key, correlation] = match;
  const byKey = `${stem}.${partitionOfSlot(Number(key), partitions)}`;
  return correlation === undefined ? byKey : `${byKey}.${partitionOfSlot(Number(correlation), partitions)}`;
}

const slots = /^(.+\.v\d+)\.k(\d\d)(?:\.c(\d\d))?$/;
