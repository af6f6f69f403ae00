/** The middle of several runs, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Finds median and range; of an even number of values the mean of the two in the middle.
 *
 * @param values In any order.
 * @returns `undefined` where there is none.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { spreadOf } from "./spread.ts";
 *
 * assertEquals(spreadOf([9, 1, 4, 2]), { median: 3, min: 1, max: 9 });
 * ```
 */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

/**
 * Compares two contenders round by round: what the machine was doing in a round then stands on both sides.
 *
 * @param of Figure of each round; a round in which it has none is left out.
 * @param to What it is divided by.
 * @returns Spread of the ratios; `undefined` where no round has both.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { ratioSpread } from "./spread.ts";
 *
 * const mesh = new Map([[1, 50], [2, 90]]);
 * const ceiling = new Map([[1, 100], [2, 100], [3, 100]]);
 * assertEquals(ratioSpread(mesh, ceiling), { median: 0.7, min: 0.5, max: 0.9 });
 * ```
 */
export function ratioSpread(of: ReadonlyMap<number, number>, to: ReadonlyMap<number, number>): Spread | undefined {
  const ratios = [...of].flatMap(([round, value]) => {
    const divisor = to.get(round);
    return divisor === undefined || divisor === 0 ? [] : [value / divisor];
  });
  return spreadOf(ratios);
}

/**
 * Writes a spread as `12.3 [10.0-15.1]`, or as one figure where there was one value.
 *
 * @param digits Decimal places.
 * @returns A dash for none.
 */
export function spreadText(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return "–";
  const { median, min, max } = spread;
  if (min === max) return median.toFixed(digits);
  return `${median.toFixed(digits)} [${min.toFixed(digits)}-${max.toFixed(digits)}]`;
}
