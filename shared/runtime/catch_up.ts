import { type Clock, errorCode, errorText, MeshError } from "@mesh/base";
import { type ServiceDefinition, slotOfKey } from "@mesh/contract";
import type { Store } from "@mesh/store";
import type { FeedClient } from "./feed_client.ts";
import type { Generations } from "./generations.ts";
import type { Intake } from "./intake.ts";
import { withoutKnown } from "./known_events.ts";
import type { Log } from "./log.ts";
import type { Projection } from "./projection.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { Planner, Work } from "./work.ts";

/** What catch-up needs. */
export interface CatchUpOptions {
  readonly service: ServiceDefinition;
  readonly partitions: number;
  readonly store: Store;
  readonly planner: Planner;
  /** Read models, for a service that keeps its record in their rows. */
  readonly projections?: readonly Projection[];
  readonly generations: Pick<Generations, "refresh" | "snapshot">;
  readonly intake: Intake;
  readonly loop: TurnLoop;
  readonly feeds: FeedClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<RuntimeSettings, "catchUpAfterMs" | "catchUpEveryMs" | "catchUpLagMs" | "batchMax">;
}

/** How long envelopes are verified without letting anything else run, in milliseconds. */
const sliceMaxMs = 10;

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
    const readPage = (after: string) =>
      feeds.read(owner, { after, types, lagMs: settings.catchUpLagMs, limit: 1_000 }, signal);
    let cursor = await store.loadFeedCursor(owner);
    let next = readPage(cursor);
    let taken = 0;
    for (;;) {
      const page = await next;
      // The next page is on its way while this one is looked at.
      if (page.hasMore) (next = readPage(page.next)).catch(() => {});
      taken += await this.#take(page.items.map(({ envelope }) => envelope));
      if (page.next !== cursor) await store.saveFeedCursor(owner, page.next);
      cursor = page.next;
      if (!page.hasMore || signal.aborted) break;
    }
    if (taken > 0) log.info("Caught up on {count} events of {owner}", { count: taken, owner });
  }

  async #take(envelopes: readonly string[]): Promise<number> {
    const { planner, intake, loop, service, settings, log, clock } = this.#options;
    const unknown = await withoutKnown(envelopes, { ...this.#options, consumer: planner.inboxConsumer });
    const missing: Work[] = [];
    let sinceMs = clock.monotonicMs();
    for (const envelope of unknown) {
      if (clock.monotonicMs() - sinceMs > sliceMaxMs) {
        await clock.delay(0);
        sinceMs = clock.monotonicMs();
      }
      try {
        const work = await intake.admit(envelope, `${service.name}.in.p0`);
        missing.push({ ...work, ...this.#wayOf(work) });
      } catch (error) {
        // Nobody can tell now (the key directory is away): the page is read again.
        if (errorCode(error) === "dependency.unavailable") throw error;
        // A feed that hands out what does not verify is a finding about its owner; it must not stop the others.
        log.error("Refused an envelope from a feed: {error}", { error: errorText(error) });
      }
    }
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
    end.abort("ended");
    return isRestarted;
  }
}
