import { systemClock } from "@mesh/base";
import type { TestShop } from "../harness/mod.ts";
import type { ShopFacts, Violation } from "./facts.ts";
import { findViolations } from "./invariants.ts";
import { type Known, readFacts } from "./read_facts.ts";

/** What a shop came to. */
export interface Finding {
  readonly facts: ShopFacts;
  /** Empty when everything holds. */
  readonly violations: readonly Violation[];
}

/**
 * Waits until everything holds. Orders end before their notices are out and before the storefront shows it; what is broken
 * for good (a second capture, a unit too many, a gap in a history) stays broken however long one waits.
 *
 * @param limitMs Longest wait in milliseconds.
 * @returns The last finding, whatever it is.
 */
export async function untilSound(test: TestShop, known: Known, limitMs: number): Promise<Finding> {
  const deadlineMs = systemClock.monotonicMs() + limitMs;
  const verdicts = known.verdicts ?? new Map<string, string | null>();
  for (;;) {
    const isQuiet = Object.keys(await test.records.unsettled()).length === 0;
    if (!isQuiet && systemClock.monotonicMs() < deadlineMs) {
      await systemClock.delay(100);
      continue;
    }
    const facts = await readFacts(test, { ...known, verdicts });
    const violations = findViolations(facts);
    if (violations.length === 0 || systemClock.monotonicMs() > deadlineMs) return { facts, violations };
    await systemClock.delay(500);
  }
}
