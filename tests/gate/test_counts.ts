/** How many tests ended how. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

/** Nothing has run yet. */
export const noTests: TestCounts = { passed: 0, failed: 0 };

/** Adds counts up. */
export function addCounts(left: TestCounts, right: TestCounts): TestCounts {
  return { passed: left.passed + right.passed, failed: left.failed + right.failed };
}

/**
 * Reads the closing line of `deno test`.
 *
 * @param output Its output, without colours.
 * @returns `undefined` if there is none, which means that the run broke off.
 *
 * @example The closing line of a run
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { parseCounts } from "./test_counts.ts";
 *
 * assertEquals(parseCounts("ok | 7 passed (2 steps) | 0 failed | 1 ignored (9ms)"), { passed: 7, failed: 0 });
 * ```
 */
export function parseCounts(output: string): TestCounts | undefined {
  const lines = [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/gm)];
  const last = lines.at(-1);
  return last === undefined ? undefined : { passed: Number(last[1]), failed: Number(last[2]) };
}

/**
 * Reads what `deno task sim` says at its end: a run of schedules is one test, however many they are, and so is each planted
 * mistake.
 *
 * @returns Nothing for a run that broke off or failed; whoever ran it counts that as one failure.
 */
export function simulationCounts(output: string): TestCounts {
  const mistakes = /^(\d+) of (\d+) mistakes found$/m.exec(output);
  if (mistakes !== null) {
    const passed = Number(mistakes[1]);
    return { passed, failed: Number(mistakes[2]) - passed };
  }
  return /^no violation$/m.test(output) ? { passed: 1, failed: 0 } : noTests;
}

/** The closing line that a reader or a machine looks for; alone on its line. */
export function closingLine({ passed, failed }: TestCounts): string {
  return `${passed} passed, ${failed} failed`;
}
