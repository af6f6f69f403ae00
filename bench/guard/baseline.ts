import { z } from "zod";
import { ConfigError } from "@mesh/base";
import type { Spread } from "../figures/spread.ts";

/** What is guarded; each is a ratio that is better when it is higher. */
export const guardedRatios = {
  "saturation": "sagas a second at saturation, mesh ÷ ceiling",
  "latency-20": "median latency at 20 sagas a second, ceiling ÷ mesh",
  "cores-20": "processor time at 20 sagas a second, ceiling ÷ mesh",
  "sign": "signing an envelope, bare signature ÷ envelope",
  "verify": "verifying an envelope, bare verification ÷ envelope",
} as const;

/** Name of a guarded ratio. */
export type RatioName = keyof typeof guardedRatios;

/** Ratios of one check; one that could not be measured is absent, which is a loss. */
export type Ratios = Readonly<Partial<Record<RatioName, Spread>>>;

const Baseline = z.strictObject({
  /** What it was recorded on; for people. */
  recorded: z.string(),
  ratios: z.record(z.string(), z.number().positive()),
});

/** A recorded state: ratios carry from machine to machine, times do not. */
export interface Baseline {
  readonly recorded: string;
  readonly ratios: Readonly<Record<string, number>>;
}

/** A fifth: more than runs differ by chance on a machine that is shared. */
export const lossMax = 0.2;

/**
 * Reads a baseline.
 *
 * @throws {ConfigError} If the text is none.
 */
export function readBaseline(text: string): Baseline {
  try {
    return Baseline.parse(JSON.parse(text));
  } catch (error) {
    throw new ConfigError(`Cannot read the baseline: ${String(error)}`, { cause: error });
  }
}

/**
 * Compares medians with a baseline.
 *
 * @returns One line for each ratio that has lost more than {@link lossMax}, or that is there no more; empty when all is
 *   well.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { lossesFrom } from "./baseline.ts";
 *
 * const baseline = { recorded: "today", ratios: { sign: 0.8, verify: 0.5 } };
 * const found = { sign: { median: 0.6, min: 0.5, max: 0.7 }, verify: { median: 0.45, min: 0.4, max: 0.5 } };
 * assertEquals(lossesFrom(baseline, found), ["sign has lost 25 %: 0.600 in place of 0.800"]);
 * ```
 */
export function lossesFrom({ ratios }: Baseline, found: Ratios): readonly string[] {
  return Object.entries(ratios).flatMap(([name, before]) => {
    const now = found[name as RatioName]?.median;
    if (now === undefined) return [`${name} could not be measured: it was ${before.toFixed(3)}`];
    const loss = 1 - now / before;
    return loss <= lossMax
      ? []
      : [`${name} has lost ${(loss * 100).toFixed(0)} %: ${now.toFixed(3)} in place of ${before.toFixed(3)}`];
  });
}

/** Writes what was measured as a baseline. */
export function baselineText(recorded: string, found: Ratios): string {
  const ratios = Object.entries(found).map(([name, { median }]) => [name, Number(median.toPrecision(3))] as const);
  return `${JSON.stringify({ recorded, ratios: Object.fromEntries(ratios) } satisfies Baseline, null, 2)}\n`;
}
