import type { Clock, IdSource } from "@mesh/base";
import type { Fate, Switchboard, Switches } from "./switches.ts";

/** What a simulator over HTTP can be given; everything has a default. */
export interface SimulatorOptions {
  /** The port; 0 (the default) takes a free one. */
  readonly port?: number;
  /** The address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly ids?: IdSource;
  /** Returns a number in [0, 1), for `failRate`. */
  readonly random?: () => number;
  /** The file that keeps what was done over a restart; without it a restart forgets. */
  readonly journalPath?: string;
}

/** How requests ended. Kept apart from the ledger, because a request is no effect. */
export interface RequestCounts {
  readonly received: number;
  readonly failed: number;
  readonly duplicated: number;
  /** Answered with the stored answer of an earlier request with the same key. */
  readonly replayed: number;
  readonly answersLost: number;
}

/** Where every request of a simulator comes in: it gets its fate, is held back and counted. */
export interface Intake {
  /** Deals the fate of one more request. */
  deal(isWrite: boolean): Fate;
  count(name: keyof RequestCounts): void;
  /** Holds an answer back as long as its fate says, or until the simulator closes. */
  holdBack(fate: Fate): Promise<void>;
  counts(): RequestCounts;
  reset(): void;
  close(): void;
}

const nothing: RequestCounts = { received: 0, failed: 0, duplicated: 0, replayed: 0, answersLost: 0 };

/**
 * Opens the intake of one simulator.
 *
 * @param switchboard Deals the fates.
 * @param clock Holds answers back.
 */
export function openIntake<S extends Switches>(switchboard: Switchboard<S>, clock: Clock): Intake {
  const closing = new AbortController();
  let counts = nothing;
  const count = (name: keyof RequestCounts) => {
    counts = { ...counts, [name]: counts[name] + 1 };
  };
  return {
    count,
    deal: (isWrite) => {
      const fate = switchboard.deal(isWrite);
      count("received");
      if (fate.failStatus !== undefined) count("failed");
      if (fate.isDuplicated) count("duplicated");
      return fate;
    },
    holdBack: ({ delayMs }) => delayMs === 0 ? Promise.resolve() : clock.delay(delayMs, closing.signal),
    counts: () => counts,
    reset: () => {
      counts = nothing;
    },
    close: () => closing.abort(),
  };
}
