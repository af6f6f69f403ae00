import { type Clock, errorCode, errorText } from "@mesh/base";
import type { ParkedMessage, Store } from "@mesh/store";
import type { Intake, Refusal } from "./intake.ts";
import type { Log } from "./log.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { Work } from "./work.ts";

/** What letting go needs. */
export interface LaneReleaserOptions {
  readonly store: Pick<Store, "readLanes" | "readParked">;
  readonly intake: Pick<Intake, "admit" | "refuseParked">;
  readonly loop: Pick<TurnLoop, "exclusively" | "settle">;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: { readonly batchMax: number };
}

const retryMs = 1_000;

/**
 * Lets go what was parked behind a message that is done: in its order, before anything newer of the lane, and from the
 * table in which it waits, so that nothing of it depends on the broker.
 */
export class LaneReleaser {
  readonly #options: LaneReleaserOptions;
  #hinted = Promise.withResolvers<void>();

  constructor(options: LaneReleaserOptions) {
    this.#options = options;
  }

  /** Says that there may be something to let go. */
  hint(): void {
    this.#hinted.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { loop, clock, log } = this.#options;
    signal.addEventListener("abort", () => this.hint(), { once: true });
    // Whoever closed a lane may have died before it let go.
    for (let isMore = true; !signal.aborted;) {
      if (!isMore) await this.#hinted.promise;
      this.#hinted = Promise.withResolvers();
      if (signal.aborted) return;
      try {
        isMore = await loop.exclusively(() => this.#releaseNext());
      } catch (error) {
        if (signal.aborted) return;
        isMore = true;
        log.warn("Cannot let go what is parked: {error}", { error: errorText(error) });
        await clock.delay(retryMs, signal);
      }
    }
  }

  /** @returns Whether there was anything. */
  async #releaseNext(): Promise<boolean> {
    const { store, loop, settings, log } = this.#options;
    const { lanes } = await store.readLanes();
    const lane = lanes.find(({ state }) => state === "releasing");
    if (lane === undefined) return false;
    const parked = await store.readParked(lane.lane, settings.batchMax);
    if (parked.length === 0) return false;
    const works: Work[] = [];
    const refusals: Refusal[] = [];
    for (const message of parked) {
      const taken = await this.#take(message);
      if ("deadLetter" in taken) refusals.push(taken);
      else works.push(taken);
    }
    await loop.settle(works, refusals);
    log.info("Took up {count} messages that were parked in {lane}", { count: parked.length, lane: lane.lane });
    return true;
  }

  /** It was proven when it came; what lies in a table is proven anew. */
  async #take(parked: ParkedMessage): Promise<Work | Refusal> {
    const { intake } = this.#options;
    const { lane, envelope, queue, attempt, userId, headers } = parked;
    try {
      const work = await intake.admit(envelope, queue);
      return { ...work, attempt, userId, headers, parkedIn: lane };
    } catch (error) {
      if (errorCode(error) === "dependency.unavailable") throw error;
      return intake.refuseParked(parked, error);
    }
  }
}
