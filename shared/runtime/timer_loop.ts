import { type Clock, errorText, type IdSource } from "@mesh/base";
import { systemContracts } from "@mesh/contract";
import type { Store } from "@mesh/store";
import type { DatabaseClock } from "./database_clock.ts";
import type { Log } from "./log.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { Speaker } from "./speaker.ts";

/** What the timer loop needs. */
export interface TimerLoopOptions {
  readonly store: Store;
  readonly speaker: Speaker;
  readonly publisher: OutboxPublisher;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly databaseClock: DatabaseClock;
  readonly log: Log;
  readonly settings: Pick<RuntimeSettings, "timerEveryMs">;
}

/**
 * Fires due timers: each becomes a command of the service to itself, through the mailbox of its key.
 *
 * Any replica may run it; the store lets a deadline fire once. The turn that takes the command checks that the deadline
 * is still the current one, so a late firing does nothing.
 */
export class TimerLoop {
  readonly #options: TimerLoopOptions;

  constructor(options: TimerLoopOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, settings } = this.#options;
    while (!signal.aborted) {
      let fired = 0;
      try {
        fired = await this.fireDue();
      } catch (error) {
        log.warn("Cannot fire timers: {error}", { error: errorText(error) });
        await clock.delay(1_000, signal);
      }
      if (fired === 0) await clock.delay(settings.timerEveryMs, signal);
    }
  }

  /** @returns How many timers it fired; at most 100. */
  async fireDue(): Promise<number> {
    const { store, speaker, publisher, ids, databaseClock } = this.#options;
    const due = await store.readDueTimers(100);
    if (due.length === 0) return 0;
    const { FireTimer } = systemContracts(speaker.service);
    const firings = due.map((timer) => {
      const key = timer.stream.slice(speaker.service.length + 1);
      const message = FireTimer({ key, dueAtMs: timer.dueAtMs });
      const entry = speaker.command(message, ids.next(), timer.stream, {
        correlation: correlationOf(key),
        causation: null,
        headers: {},
        nowMs: databaseClock.nowMs(),
      });
      return { timer, entry };
    });
    const entries = speaker.sealAll(firings.map(({ entry }) => entry));
    publisher.enqueue(await store.fireTimers(firings.map(({ timer }, at) => ({ timer, entry: entries[at]! }))));
    return due.length;
  }
}

/** Sagas are keyed `<saga>/<correlation>`; for every other actor the key is the best name of its flow. */
export function correlationOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
