import type { Clock } from "@mesh/base";
import type { StoreStatus } from "@mesh/store";
import { unavailable } from "./refusal.ts";

/** How old the count of what is unanswered may be, in milliseconds. */
const countFreshMs = 500;

/** What admission needs. */
export interface AdmissionOptions {
  readonly readStatus: () => Promise<Pick<StoreStatus, "outboxCount">>;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Commands without an answer at which no more orders are taken. */
  readonly unansweredMax: number;
}

/**
 * Sheds load where it comes in: queues have no limit, so an order is refused before it is accepted when too many are
 * waiting for their answers.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  #unansweredCount = 0;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Lets one more in.
   *
   * @throws {RefusalError} 503 with `Retry-After` if too many wait.
   */
  async admit(): Promise<void> {
    const { clock, unansweredMax } = this.#options;
    if (clock.monotonicMs() - this.#countedAtMs >= countFreshMs) await (this.#counting ??= this.#count());
    if (this.#unansweredCount >= unansweredMax) throw unavailable(2);
    // Until the next count everything that was let in counts as unanswered.
    this.#unansweredCount += 1;
  }

  async #count(): Promise<void> {
    const { readStatus, clock } = this.#options;
    try {
      this.#unansweredCount = (await readStatus()).outboxCount;
      this.#countedAtMs = clock.monotonicMs();
    } finally {
      this.#counting = undefined;
    }
  }
}
