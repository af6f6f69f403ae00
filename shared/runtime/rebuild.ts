import { type Clock, ConflictError, errorCode, errorText, type Json } from "@mesh/base";
import type { EventContract } from "@mesh/contract";
import type { FeedPage, Store } from "@mesh/store";
import type { FeedClient, FeedQuery } from "./feed_client.ts";
import { GenerationFold } from "./generation_fold.ts";
import { generationAgeMaxMs, type Generations } from "./generations.ts";
import type { Intake } from "./intake.ts";
import type { Log } from "./log.ts";
import { MergedFeeds, type MergedItem } from "./merged_feeds.ts";
import type { ProjectedEvent, Projection } from "./projection.ts";
import { projectedEvent } from "./projection_planner.ts";
import { eventFrom, type ReadRecorded, recordedEventReader } from "./recorded_event.ts";
import type { TurnLoop } from "./turn_loop.ts";
import type { Work } from "./work.ts";

/** How far a rebuild has come. */
export interface RebuildProgress {
  /** Name of the read model. */
  readonly projection: string;
  /** The generation that is being filled, or that readers use since it ended. */
  readonly generation: number;
  /** A rebuild that failed has left what readers use as it was. */
  readonly status: "running" | "done" | "failed";
  /** Events read from the owners' feeds so far. */
  readonly eventCount: number;
  /** Envelopes among them that were not genuine or not known; each is logged. */
  readonly refusedCount: number;
  /** On the database's clock, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** On the same clock; absent while it runs or when it failed. */
  readonly endedAtMs?: number;
  /** What it failed of. */
  readonly error?: string;
}

/** What rebuilds need. */
export interface RebuildsOptions {
  readonly service: string;
  readonly projections: readonly Projection[];
  readonly store: Pick<
    Store,
    "readGeneration" | "switchGeneration" | "dropRows" | "loadRows" | "commit" | "readFeed" | "nowMs"
  >;
  readonly feeds: Pick<FeedClient, "read">;
  readonly intake: Pick<Intake, "admit" | "prove">;
  readonly loop: Pick<TurnLoop, "submit" | "exclusively">;
  readonly generations: Generations;
  readonly clock: Clock;
  readonly log: Log;
  /** Messages that one turn takes at most. */
  readonly batchMax: number;
}

/** Events that are verified, folded and counted together. */
const chunkMax = 512;
/**
 * How long events are verified without letting anything else run, in milliseconds. Rows on their way into the store need
 * a few turns for each commit, and stay in memory until then.
 */
const sliceMaxMs = 3;
/** Events between two looks at the clock. */
const lookEvery = 16;
/** Items of one page of a feed; the most that an owner gives out. */
const pageMax = 1_000;

/**
 * Fills read models anew from the owners' feeds, beside the one that readers use.
 *
 * First all that has happened is folded: all feeds at once, in about the order of events, rows written when nothing more
 * is heard of them. Only then do live events go to both generations, and the rest of the feeds goes through turns like
 * them. A process that dies in between leaves rows that nobody reads; the next rebuild removes them first.
 */
export class Rebuilds {
  readonly #options: RebuildsOptions;
  readonly #progress = new Map<string, RebuildProgress>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #othersRanAtMs = 0;

  constructor(options: RebuildsOptions) {
    this.#options = options;
  }

  /** Names of the projections that can be rebuilt. */
  get names(): readonly string[] {
    return this.#options.projections.map(({ name }) => name);
  }

  /** @returns How far the last rebuild in this process came; `undefined` when there was none. */
  find(name: string): RebuildProgress | undefined {
    return this.#progress.get(name);
  }

  /** @throws {ConflictError} If a rebuild of the projection is under way in this process. */
  assertIdle(name: string): void {
    if (!this.#running.has(name)) return;
    throw new ConflictError(`Cannot rebuild "${name}": a rebuild is under way`, { reason: "rebuild-running" });
  }

  /**
   * Starts a rebuild; it goes on by itself.
   *
   * @param name One of {@link names}.
   * @returns Its first progress.
   * @throws {ConflictError} If one is under way in this process.
   */
  async start(name: string): Promise<RebuildProgress> {
    const { projections, store } = this.#options;
    const projection = projections.find((each) => each.name === name);
    if (projection === undefined) throw new ConflictError(`Cannot rebuild "${name}": there is no such projection`);
    const startedAtMs = await store.nowMs();
    const generation = await store.readGeneration(name) + 1;
    this.assertIdle(name);
    const progress: RebuildProgress = {
      projection: name,
      generation,
      status: "running",
      eventCount: 0,
      refusedCount: 0,
      startedAtMs,
    };
    this.#progress.set(name, progress);
    this.#running.set(name, this.#run(projection, generation).finally(() => this.#running.delete(name)));
    return progress;
  }

  /** Gives up what is under way and waits for that. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#running.values());
  }

  async #run(projection: Projection, generation: number): Promise<void> {
    const { store, loop, generations, log } = this.#options;
    const { name } = projection;
    try {
      await this.#patiently(() => store.dropRows(name, generation));
      const folded = await this.#fold(projection, generation);
      // Between turns, so that no batch has loaded one set of generations and writes another.
      await this.#patiently(() => loop.exclusively(() => Promise.resolve(generations.begin(name, generation))));
      const cursors = await this.#readFeeds(projection, folded, 0);
      await this.#patiently(() => loop.exclusively(() => store.switchGeneration(name, generation)));
      await this.#bringInOthers(projection, generation, cursors);
      this.#note(name, { status: "done", endedAtMs: await this.#patiently(() => store.nowMs()) });
      log.info("Rebuilt {projection} as generation {generation}", { projection: name, generation });
    } catch (error) {
      this.#note(name, { status: "failed", error: errorText(error) });
      log.error("Cannot rebuild {projection}: {error}", { projection: name, error: errorText(error) });
    } finally {
      generations.end(name);
    }
  }

  /**
   * Folds everything that the feeds hold, while nobody else writes to the generation.
   *
   * @returns Where the feeds ended.
   */
  async #fold(projection: Projection, generation: number): Promise<ReadonlyMap<string, string>> {
    const { store } = this.#options;
    const fold = new GenerationFold({ projection, generation, store });
    const byOwner = Map.groupBy(projection.subscribes, (contract) => contract.service);
    const types = new Map([...byOwner].map(([owner, list]) => [owner, [...new Set(list.map(({ type }) => type))]]));
    const readRecorded = recordedEventReader();
    const feeds = new MergedFeeds([...byOwner.keys()], (owner, after) => {
      return this.#readPage(owner, { after, types: types.get(owner) ?? [], limit: pageMax });
    });
    // While the database looks for the rows of one portion, the next one is verified.
    let folding: Promise<void> = Promise.resolve();
    try {
      for (;;) {
        const items = await feeds.next(chunkMax);
        const { events, refusedCount } = await this.#eventsOf(items, readRecorded);
        await folding;
        if (items.length === 0) break;
        folding = this.#patiently(() => fold.add(events)).then(() =>
          this.#count(projection.name, { eventCount: items.length, refusedCount })
        );
      }
    } finally {
      await Promise.allSettled([folding]);
    }
    await this.#patiently(() => fold.flush());
    return feeds.cursors;
  }

  /** What this service has recorded itself needs no proof: its role may add events and can change none. */
  async #eventsOf(
    items: readonly MergedItem[],
    readRecorded: ReadRecorded,
  ): Promise<{ readonly events: readonly ProjectedEvent[]; readonly refusedCount: number }> {
    const { service } = this.#options;
    const events: ProjectedEvent[] = [];
    for (const [at, { owner, envelope }] of items.entries()) {
      if (at % lookEvery === 0) await this.#letOthersRun();
      const event = owner === service
        ? readRecorded(envelope)
        : this.#proven(envelope) ?? await this.#admitted(envelope);
      if (event !== undefined) events.push(event);
    }
    return { events, refusedCount: items.length - events.length };
  }

  async #letOthersRun(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonicMs() - this.#othersRanAtMs <= sliceMaxMs) return;
    await clock.delay(0, this.#stopping.signal);
    this.#othersRanAtMs = clock.monotonicMs();
  }

  /** @returns `undefined` for what does not verify with the keys that are known, for whatever reason. */
  #proven(envelope: string): ProjectedEvent | undefined {
    try {
      const { claims, data } = this.#options.intake.prove(envelope);
      return eventFrom({ ...claims, dat: data as Json });
    } catch {
      return undefined;
    }
  }

  /** @returns `undefined` for what does not verify; that is logged. */
  async #admitted(envelope: string): Promise<ProjectedEvent | undefined> {
    const work = await this.#admit(envelope);
    return work === undefined ? undefined : projectedEvent(work);
  }

  /** @returns `undefined` for what does not verify; that is logged. */
  async #admit(envelope: string): Promise<Work | undefined> {
    const { service, intake, log } = this.#options;
    try {
      return await this.#patiently(() => intake.admit(envelope, `${service}.in.p0`));
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error;
      log.error("Refused an envelope from a feed: {error}", { error: errorText(error) });
      return undefined;
    }
  }

  /**
   * Other replicas learn of the switch a little later and have written to the old generation alone until then: what they
   * took is read from the feeds once more, and what they wrote is removed.
   */
  async #bringInOthers(
    projection: Projection,
    generation: number,
    cursors: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { store, clock } = this.#options;
    await clock.delay(2 * generationAgeMaxMs, this.#stopping.signal);
    const untilMs = await this.#patiently(() => store.nowMs());
    await this.#readFeeds(projection, cursors, untilMs);
    await this.#patiently(() => store.switchGeneration(projection.name, generation));
  }

  /**
   * Reads the owners' feeds to their ends.
   *
   * @param from Where to begin, by owner; at the beginning when absent.
   * @param untilMs Waits until the feeds are complete up to this moment, in milliseconds since 1970.
   * @returns Where the feeds ended.
   */
  async #readFeeds(
    projection: Projection,
    from: ReadonlyMap<string, string>,
    untilMs: number,
  ): Promise<ReadonlyMap<string, string>> {
    const byOwner = Map.groupBy(projection.subscribes, ({ service }) => service);
    const cursors = new Map<string, string>();
    for (const [owner, contracts] of byOwner) {
      cursors.set(owner, await this.#readFeed(projection.name, contracts, { after: from.get(owner) ?? "", untilMs }));
    }
    return cursors;
  }

  async #readFeed(
    name: string,
    contracts: readonly EventContract[],
    { after, untilMs }: { readonly after: string; readonly untilMs: number },
  ): Promise<string> {
    const { clock } = this.#options;
    const owner = contracts[0]!.service;
    const types = [...new Set(contracts.map(({ type }) => type))];
    for (let cursor = after;;) {
      const page = await this.#readPage(owner, { after: cursor, types, limit: pageMax });
      await this.#take(name, page.items.map(({ envelope }) => envelope));
      cursor = page.next;
      if (page.hasMore) continue;
      if (page.completeUntilMs >= untilMs) return cursor;
      // An open transaction of the owner holds its feed up for a few seconds at most.
      await clock.delay(feedPollMs, this.#stopping.signal);
    }
  }

  #readPage(owner: string, query: FeedQuery & { readonly types: readonly string[] }): Promise<FeedPage> {
    const { service, store, feeds } = this.#options;
    return this.#patiently(() =>
      owner === service ? store.readFeed(query) : feeds.read(owner, query, this.#stopping.signal)
    );
  }

  async #take(name: string, envelopes: readonly string[]): Promise<void> {
    const { loop, batchMax } = this.#options;
    const works: Work[] = [];
    for (const envelope of envelopes) {
      const work = await this.#admit(envelope);
      if (work !== undefined) works.push(work);
    }
    for (let at = 0; at < works.length; at += batchMax) {
      this.#assertGoingOn();
      await loop.submit(works.slice(at, at + batchMax));
    }
    this.#count(name, { eventCount: envelopes.length, refusedCount: envelopes.length - works.length });
  }

  #count(name: string, more: Pick<RebuildProgress, "eventCount" | "refusedCount">): void {
    const known = this.#progress.get(name);
    this.#note(name, {
      eventCount: (known?.eventCount ?? 0) + more.eventCount,
      refusedCount: (known?.refusedCount ?? 0) + more.refusedCount,
    });
  }

  /** An owner or a database that is away delays a rebuild and does not end it. */
  async #patiently<T>(task: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    for (let waitMs = 250;; waitMs = Math.min(waitMs * 2, 10_000)) {
      this.#assertGoingOn();
      try {
        return await task();
      } catch (error) {
        if (errorCode(error) !== "dependency.unavailable") throw error;
        await clock.delay(waitMs, this.#stopping.signal);
      }
    }
  }

  #assertGoingOn(): void {
    if (this.#stopping.signal.aborted) {
      throw new ConflictError("Cannot go on with a rebuild: the service is draining", { reason: "draining" });
    }
  }

  #note(name: string, change: Partial<RebuildProgress>): void {
    const known = this.#progress.get(name);
    if (known !== undefined) this.#progress.set(name, { ...known, ...change });
  }
}

/** Time between two looks at a feed that is held up, in milliseconds. */
const feedPollMs = 250;
