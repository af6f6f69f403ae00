import { type Clock, errorCode, errorText, MeshError } from "@mesh/base";
import { type ServiceDefinition, slotOfKey } from "@mesh/contract";
import type { Store } from "@mesh/store";
import type { FeedClient } from "./feed_client.ts";
import type { Intake } from "./intake.ts";
import type { Log } from "./log.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { Planner, Work } from "./work.ts";

/** What catch-up needs. */
export interface CatchUpOptions {
  readonly service: ServiceDefinition;
  readonly partitions: number;
  readonly store: Store;
  readonly planner: Planner;
  readonly intake: Intake;
  readonly loop: TurnLoop;
  readonly feeds: FeedClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<RuntimeSettings, "catchUpAfterMs" | "catchUpEveryMs" | "catchUpLagMs" | "batchMax">;
}

/**
 * Reads the owners' feeds for events that the queues did not bring: queues are the fast way, feeds the complete way.
 *
 * Runs at start, after each reconnect, once more a little later, and every few minutes.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #owners: ReadonlyMap<string, readonly string[]>;
  #restart: () => void = () => {};

  constructor(options: CatchUpOptions) {
    this.#options = options;
    const byOwner = Map.groupBy(options.service.subscribes, ({ event }) => event.service);
    this.#owners = new Map(
      [...byOwner].map(([owner, list]) => [owner, [...new Set(list.map(({ event }) => event.type))]]),
    );
  }

  /** Says that the connection to the broker was lost and stands again. */
  reconnected(): void {
    this.#restart();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { settings } = this.#options;
    if (this.#owners.size === 0) return;
    let waitsMs = [settings.catchUpAfterMs];
    while (!signal.aborted) {
      await this.readAll(signal);
      const isRestarted = await this.#untilRestartedOr(waitsMs.shift() ?? settings.catchUpEveryMs, signal);
      if (isRestarted) waitsMs = [settings.catchUpAfterMs];
    }
  }

  /** Reads every owner's feed up to the lag; an owner that is away is left for the next time. */
  async readAll(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    await Promise.all([...this.#owners].map(async ([owner, types]) => {
      for (let waitMs = 1_000; !signal.aborted; waitMs = Math.min(waitMs * 2, 30_000)) {
        try {
          return await this.#read(owner, types, signal);
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof MeshError && error.reason === "cursor-epoch") {
            // The owner came back from a backup: what it says now is read from the start, and what is known is skipped.
            log.warn("The feed of {owner} has begun a new epoch: reading it from its start", { owner });
            await this.#startOver(owner);
            continue;
          }
          const isAway = errorCode(error) === "dependency.unavailable";
          log[isAway ? "debug" : "warn"]("Cannot read the feed of {owner}: {error}", {
            owner,
            error: errorText(error),
          });
          await clock.delay(waitMs, signal);
        }
      }
    }));
  }

  async #startOver(owner: string): Promise<void> {
    const { store, log } = this.#options;
    await store.saveFeedCursor(owner, "").catch((error) => {
      log.warn("Cannot give up the cursor of {owner}: {error}", { owner, error: errorText(error) });
    });
  }

  async #read(owner: string, types: readonly string[], signal: AbortSignal): Promise<void> {
    const { store, feeds, settings, log } = this.#options;
    let cursor = await store.loadFeedCursor(owner);
    let taken = 0;
    for (;;) {
      const page = await feeds.read(owner, { after: cursor, types, lagMs: settings.catchUpLagMs, limit: 500 }, signal);
      taken += await this.#take(page.items.map(({ envelope }) => envelope));
      if (page.next !== cursor) await store.saveFeedCursor(owner, page.next);
      cursor = page.next;
      if (!page.hasMore || signal.aborted) break;
    }
    if (taken > 0) log.info("Caught up on {count} events of {owner}", { count: taken, owner });
  }

  async #take(envelopes: readonly string[]): Promise<number> {
    const { store, planner, intake, loop, service, settings, log } = this.#options;
    const works: Work[] = [];
    for (const envelope of envelopes) {
      try {
        const work = await intake.admit(envelope, `${service.name}.in.p0`);
        works.push({ ...work, ...this.#wayOf(work) });
      } catch (error) {
        // A feed that hands out what does not verify is a finding about its owner; it must not stop the others.
        log.error("Refused an envelope from a feed: {error}", { error: errorText(error) });
      }
    }
    if (works.length === 0) return 0;
    const handled = await store.findHandled(planner.inboxConsumer, works.map(({ received }) => received.id));
    const missing = works.filter(({ received }) => !handled.has(received.id));
    for (let at = 0; at < missing.length; at += settings.batchMax) {
      await loop.submit(missing.slice(at, at + settings.batchMax));
    }
    return missing.length;
  }

  /** Which partition the broker would have brought it through. */
  #wayOf({ received }: Work): Pick<Work, "returnTo" | "partition"> {
    const { service, partitions } = this.#options;
    const subscription = service.subscribes.find(({ event }) =>
      event.type === received.type && event.version === received.version
    );
    const slot = slotOfKey(subscription?.by === "correlation" ? received.correlation : received.key);
    const partition = slot % partitions;
    return { returnTo: `${service.name}.in.p${partition}`, partition };
  }

  async #untilRestartedOr(waitMs: number, signal: AbortSignal): Promise<boolean> {
    const end = new AbortController();
    let isRestarted = false;
    const restarted = new Promise<void>((resolve) => {
      this.#restart = () => {
        isRestarted = true;
        resolve();
      };
    });
    await Promise.race([restarted, this.#options.clock.delay(waitMs, AbortSignal.any([signal, end.signal]))]);
    end.abort();
    return isRestarted;
  }
}
