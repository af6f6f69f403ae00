import { type Clock, errorCode, errorText } from "@mesh/base";
import type { HeldMessage, Store, StoredLane } from "@mesh/store";
import type { Intake, Refusal } from "./intake.ts";
import type { Log } from "./log.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { Work } from "./work.ts";

/** What letting go needs. */
export interface LaneReleaserOptions {
  readonly store: Pick<Store, "readLanes" | "readParked" | "nowMs">;
  readonly intake: Pick<Intake, "admit" | "refuseHeld">;
  readonly loop: Pick<TurnLoop, "exclusively" | "settle">;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<RuntimeSettings, "batchMax" | "laneOverdueMs">;
}

const retryMs = 1_000;

/** What there is to do about lanes: at once, in a while, or nothing until somebody says so. */
type Rest = "more" | "waiting" | "nothing";

/**
 * Lets go what was parked behind a message that is done: in its order, before anything newer of the lane, and from the
 * table in which it waits, so that nothing of it depends on the broker. So does the next attempt of a message that holds
 * its lane up, once that is overdue: the broker may have lost it, and nobody else would bring it again.
 */
export class LaneReleaser {
  readonly #options: LaneReleaserOptions;
  #hinted = Promise.withResolvers<void>();

  constructor(options: LaneReleaserOptions) {
    this.#options = options;
  }

  /** Says that there may be something to do. */
  hint(): void {
    this.#hinted.resolve();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { loop, clock, log, settings } = this.#options;
    signal.addEventListener("abort", () => this.hint(), { once: true });
    // Whoever closed a lane may have died before it let go.
    for (let rest: Rest = "more"; !signal.aborted;) {
      if (rest === "nothing") await this.#hinted.promise;
      if (rest === "waiting") await this.#hintedOr(settings.laneOverdueMs);
      this.#hinted = Promise.withResolvers();
      if (signal.aborted) return;
      try {
        rest = await loop.exclusively(() => this.#takeNext());
      } catch (error) {
        if (signal.aborted) return;
        rest = "more";
        log.warn("Cannot take up what lanes hold: {error}", { error: errorText(error) });
        await clock.delay(retryMs, signal);
      }
    }
  }

  async #hintedOr(waitMs: number): Promise<void> {
    const end = new AbortController();
    await Promise.race([this.#hinted.promise, this.#options.clock.delay(waitMs, end.signal)]);
    end.abort("ended");
  }

  async #takeNext(): Promise<Rest> {
    const { store, settings } = this.#options;
    const { lanes } = await store.readLanes();
    const releasing = lanes.find(({ state }) => state === "releasing");
    if (releasing !== undefined) return await this.#release(releasing);
    const waiting = lanes.filter(({ state }) => state === "retry");
    if (waiting.length === 0) return "nothing";
    const overdueMs = await store.nowMs() - settings.laneOverdueMs;
    const overdue = waiting.find(({ dueAtMs }) => dueAtMs < overdueMs);
    return overdue === undefined ? "waiting" : await this.#retry(overdue);
  }

  async #release({ lane }: StoredLane): Promise<Rest> {
    const { store, loop, settings, log } = this.#options;
    const parked = await store.readParked(lane, settings.batchMax);
    const works: Work[] = [];
    const refusals: Refusal[] = [];
    for (const message of parked) {
      const taken = await this.#take(message);
      if ("deadLetter" in taken) refusals.push({ ...taken, parked: message });
      else works.push({ ...taken, parkedIn: lane });
    }
    await loop.settle(works, refusals);
    log.info("Took up {count} messages that were parked in {lane}", { count: parked.length, lane });
    return parked.length === 0 ? "nothing" : "more";
  }

  async #retry({ lane, head }: StoredLane): Promise<Rest> {
    const { loop, log } = this.#options;
    const taken = await this.#take({ ...head, attempt: head.attempt + 1 });
    if ("deadLetter" in taken) await loop.settle([], [{ ...taken, headOf: lane }]);
    else await loop.settle([taken], []);
    log.info("Took up {type} {id} again, which is overdue and holds up {lane}", {
      type: head.type,
      id: head.messageId,
      lane,
    });
    return "more";
  }

  /** It was proven when it came; what lies in a table is proven anew. */
  async #take(held: HeldMessage): Promise<Work | Refusal> {
    const { intake } = this.#options;
    const { envelope, queue, attempt, userId, headers } = held;
    try {
      return { ...await intake.admit(envelope, queue), attempt, userId, headers };
    } catch (error) {
      if (errorCode(error) === "dependency.unavailable") throw error;
      return intake.refuseHeld(held, error);
    }
  }
}
