import { z } from "zod";

const Count = z.int().min(0).max(1_000_000).default(0);

/** What an operator or a test can make an external party do; every switch is off by default. */
export const switchesSchema = z.strictObject({
  /** The work is done at once, its answer is held back this long: 0 to 600,000 ms. */
  delayMs: z.int().min(0).max(600_000).default(0),
  /** The next so many requests fail before anything is done. */
  failCount: Count,
  /** The share of requests, 0 to 1, that fail before anything is done. */
  failRate: z.number().min(0).max(1).default(0),
  /** The status that a failing request is answered with. */
  failStatus: z.int().min(400).max(599).default(500),
  /** The next so many writes are done, and the connection is closed in place of an answer. */
  loseAnswerCount: Count,
  /** The next so many writes are delivered twice, as by a proxy that repeats a request. */
  duplicateCount: Count,
});

/** The switches that every simulator has. */
export type Switches = z.output<typeof switchesSchema>;

/** What happens to one request. */
export interface Fate {
  readonly delayMs: number;
  /** The status to fail with, before anything is done. */
  readonly failStatus: number | undefined;
  readonly isAnswerLost: boolean;
  readonly isDuplicated: boolean;
}

/** Holds the switches of one simulator and deals a fate to each request. */
export interface Switchboard<S extends Switches> {
  read(): S;
  /**
   * Sets all switches at once; one that is not named is off.
   *
   * @throws {z.ZodError} If a switch is unknown or out of range.
   */
  replace(input: unknown): S;
  /**
   * Deals the next fate and counts down what it used up.
   *
   * @param isWrite Whether the request changes something: only a write loses its answer or comes twice.
   */
  deal(isWrite: boolean): Fate;
  /**
   * Takes one from a count.
   *
   * @returns Whether there was one left.
   */
  use(name: CountName<S>): boolean;
}

type CountName<S> = Extract<{ [K in keyof S]: S[K] extends number ? K : never }[keyof S], `${string}Count`>;

/**
 * Makes the switchboard of one simulator, everything off.
 *
 * @param schema The switches it has: `switchesSchema` or an extension of it.
 * @param random Returns a number in [0, 1); a parameter so that tests can fix it.
 */
export function createSwitchboard<S extends Switches>(schema: z.ZodType<S>, random: () => number): Switchboard<S> {
  let switches = schema.parse({});
  const use = (name: CountName<S>): boolean => {
    const left = switches[name] as number;
    if (left === 0) return false;
    switches = { ...switches, [name]: left - 1 };
    return true;
  };
  return {
    read: () => switches,
    replace: (input) => (switches = schema.parse(input)),
    use,
    deal: (isWrite) => {
      const isFailing = use("failCount" as CountName<S>) || random() < switches.failRate;
      if (isFailing) return { delayMs: 0, failStatus: switches.failStatus, isAnswerLost: false, isDuplicated: false };
      return {
        delayMs: switches.delayMs,
        failStatus: undefined,
        isAnswerLost: isWrite && use("loseAnswerCount" as CountName<S>),
        isDuplicated: isWrite && use("duplicateCount" as CountName<S>),
      };
    },
  };
}
