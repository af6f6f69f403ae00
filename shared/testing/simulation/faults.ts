import type { SeededRandom } from "./seeded_random.ts";

/** Everything that can go wrong in a simulation, by name; the summary counts each. */
export const faultKinds = [
  "crash",
  "crash-after-commit",
  "freeze",
  "clock-jump",
  "store-failed",
  "store-answer-lost",
  "store-slow",
  "store-outage",
  "connection-cut",
  "confirm-lost",
  "publish-nacked",
  "ack-lost",
  "message-duplicated",
  "message-delayed",
  "publishing-blocked",
  "broker-outage",
  "broker-amnesia",
  "feed-failed",
  "effect-failed",
  "effect-answer-lost",
  "effect-slow",
  "handler-failed",
  "conflicting-replica",
] as const;

/** Name of a fault. */
export type FaultKind = typeof faultKinds[number];

/** How often each fault was made. */
export type FaultCounts = Record<FaultKind, number>;

/** @returns No faults. */
export function noFaults(): FaultCounts {
  return Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as FaultCounts;
}

/**
 * Share of calls that meet a fault, where faults are on. A crash is likelier than the figures suggest: every call of
 * every process may be its last.
 */
const rates: Partial<Record<FaultKind, number>> = {
  "crash": 0.002,
  "crash-after-commit": 0.006,
  "store-failed": 0.01,
  "store-answer-lost": 0.01,
  "store-slow": 0.01,
  "connection-cut": 0.002,
  "confirm-lost": 0.01,
  "publish-nacked": 0.01,
  "ack-lost": 0.006,
  "message-duplicated": 0.03,
  "message-delayed": 0.05,
  "feed-failed": 0.2,
  "effect-failed": 0.1,
  "effect-answer-lost": 0.1,
  "effect-slow": 0.05,
  "handler-failed": 0.02,
};

/**
 * Says what goes wrong, and when.
 *
 * Each seed has faults of its own: some kinds are off, others come in plenty. Runs with a single kind of fault, or none,
 * reach states that a bit of everything never does.
 */
export class FaultPlan {
  readonly counts: FaultCounts = noFaults();
  readonly #random: SeededRandom;
  readonly #rates: FaultCounts;
  #isOn = true;

  /** @param calm Whether nothing goes wrong at all. */
  constructor(random: SeededRandom, calm: boolean) {
    this.#random = random;
    const share = calm ? 0 : random.pick([0.15, 0.4, 0.6, 0.8]);
    this.#rates = noFaults();
    for (const kind of faultKinds) {
      const isChosen = random.chance(share);
      const strength = random.pick([0.3, 1, 1, 3]);
      this.#rates[kind] = isChosen ? (rates[kind] ?? 1) * strength : 0;
    }
  }

  /** Whether this seed has this fault at all. */
  has(kind: FaultKind): boolean {
    return this.#rates[kind] > 0;
  }

  /** Whether faults happen now. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Asks whether this call meets that fault; counts it if so. */
  strikes(kind: FaultKind): boolean {
    const rate = this.#rates[kind];
    if (rate === 0 || !this.#isOn || !this.#random.chance(rate)) return false;
    this.counts[kind] += 1;
    return true;
  }

  /** Notes a fault that was made on purpose. */
  note(kind: FaultKind): void {
    this.counts[kind] += 1;
  }

  /** Ends all faults. */
  end(): void {
    this.#isOn = false;
  }
}
