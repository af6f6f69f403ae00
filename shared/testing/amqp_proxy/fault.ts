import { seededRandom } from "@mesh/broker";

/** Every fault, by the place where it strikes: a publish, a confirm, a delivery and its answer, anything. */
export const faultNames = Object.freeze(
  [
    "duplicate-publish",
    "reorder-publishes",
    "return-publish",
    "cut-publish",
    "block",
    "delay-confirm",
    "reorder-confirms",
    "drop-confirm",
    "nack-confirm",
    "cut-delivery",
    "lose-ack",
    "cancel-consumer",
    "close-channel",
    "close-connection",
    "stall",
  ] as const,
);

/**
 * Name of a fault.
 *
 * - `duplicate-publish`: the broker gets a publish twice, as after an unknown outcome.
 * - `reorder-publishes`: the broker gets a publish after the next one that has another exchange or routing key.
 * - `return-publish`: a mandatory publish is returned as unroutable, then confirmed; no queue has it.
 * - `cut-publish`: the connection ends in the middle of a publish.
 * - `block`: `connection.blocked`; the broker reads nothing more until `connection.unblocked`.
 * - `delay-confirm`: a confirm comes late, after younger ones.
 * - `reorder-confirms`: a confirm comes after the next younger one.
 * - `drop-confirm`: a confirm never comes; the connection ends a little later.
 * - `nack-confirm`: a nack comes although the message is in its queues.
 * - `cut-delivery`: the connection ends in the middle of a delivery.
 * - `lose-ack`: the connection ends before an answer to a delivery is heard, so that it comes again.
 * - `cancel-consumer`: `basic.cancel`, as when a queue is deleted or its leader is lost.
 * - `close-channel`: `channel.close` with 406.
 * - `close-connection`: `connection.close` with 320 or 541.
 * - `stall`: no byte flows in one or both directions for a while, heartbeats included.
 */
export type FaultName = (typeof faultNames)[number];

/** Chance of each fault per occasion, from 0 to 1; 0 when absent. */
export type FaultRates = Readonly<Partial<Record<FaultName, number>>>;

/** Shortest and longest time, in milliseconds. */
export type RangeMs = readonly [minMs: number, maxMs: number];

/** How long things take; absent ones as in {@link defaultDurations}. */
export interface FaultDurations {
  /** How long a confirm is delayed. */
  readonly delayConfirm: RangeMs;
  /** How long after a dropped confirm the connection ends. */
  readonly dropConfirm: RangeMs;
  readonly block: RangeMs;
  readonly stall: RangeMs;
}

/** Seconds at most, so that a test moves on; a stall that heartbeats of 20 s notice has to be asked for. */
export const defaultDurations: FaultDurations = Object.freeze<FaultDurations>({
  delayConfirm: [20, 1_000],
  dropConfirm: [20, 1_000],
  block: [50, 1_000],
  stall: [500, 5_000],
});

/** Draws faults and counts them. */
export class FaultSource {
  readonly #random: () => number;
  readonly #fired = new Map<FaultName, number>(faultNames.map((name) => [name, 0]));
  readonly #ordered = new Map<FaultName, number>();
  readonly durations: FaultDurations;
  #rates: FaultRates;

  constructor(seed: number, rates: FaultRates = {}, durations: Partial<FaultDurations> = {}) {
    this.#random = seededRandom(seed);
    this.#rates = rates;
    this.durations = { ...defaultDurations, ...durations };
  }

  /** How often each fault has struck. */
  get fired(): Readonly<Record<FaultName, number>> {
    return Object.fromEntries(this.#fired) as Record<FaultName, number>;
  }

  /** Replaces all rates. */
  setRates(rates: FaultRates): void {
    this.#rates = rates;
  }

  /** Lets a fault strike at the next occasion. */
  order(name: FaultName): void {
    this.#ordered.set(name, (this.#ordered.get(name) ?? 0) + 1);
  }

  /** Whether a fault strikes on this occasion. */
  strikes(name: FaultName): boolean {
    const ordered = this.#ordered.get(name) ?? 0;
    if (ordered > 0) {
      this.#ordered.set(name, ordered - 1);
      return true;
    }
    const rate = this.#rates[name] ?? 0;
    return rate > 0 && this.#random() < rate;
  }

  /** The first of these faults that strikes on this occasion. */
  draw(names: readonly FaultName[]): FaultName | undefined {
    return names.find((name) => this.strikes(name));
  }

  /** Counts a fault that has done what its name says. */
  note(name: FaultName): void {
    this.#fired.set(name, this.#fired.get(name)! + 1);
  }

  /** Draws a whole number, both ends included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1));
  }

  /** Draws one of several. */
  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.whole(0, choices.length - 1)]!;
  }
}
