/**
 * What an order's lines come to. Integers only.
 *
 * @module
 */

/** The part of an order line that its price follows from. */
export interface PricedLine {
  readonly sku: string;
  readonly units: number;
  /** Minor units of the order's currency. */
  readonly unitPriceMinor: number;
}

/** Eight digits: what a payment provider can charge at once. */
const totalMaxMinor = 99_999_999;

/**
 * Adds up an order's lines.
 *
 * Exact: a hundred lines within the contract's limits stay below 10^14, well within the safe integers.
 *
 * @param lines Lines within the contract's limits.
 * @returns Minor units of the order's currency.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { totalMinorOf } from "./total.ts";
 *
 * const lines = [{ sku: "TEA-0001", units: 2, unitPriceMinor: 450 }, { sku: "CUP-0001", units: 1, unitPriceMinor: 1200 }];
 * assertEquals(totalMinorOf(lines), 2100);
 * ```
 */
export function totalMinorOf(lines: readonly PricedLine[]): number {
  return lines.reduce((sum, { units, unitPriceMinor }) => sum + units * unitPriceMinor, 0);
}

/** @returns Whether a payment provider can charge that much at once. */
export function isChargeable(totalMinor: number): boolean {
  return totalMinor >= 1 && totalMinor <= totalMaxMinor;
}

/** @returns Whether two lines name the same SKU; lines are merged before an order is placed. */
export function hasDuplicateSku(lines: readonly PricedLine[]): boolean {
  return new Set(lines.map(({ sku }) => sku)).size < lines.length;
}
