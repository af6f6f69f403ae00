import { invariant, type Json } from "@mesh/base";
import { noWrites, type ProjectionRow, type Store } from "@mesh/store";
import type { FeedClient } from "./feed_client.ts";
import type { Generations } from "./generations.ts";
import type { Intake } from "./intake.ts";
import type { ProjectedEvent, Projection } from "./projection.ts";
import type { Plan, Planner, Work } from "./work.ts";

/** What a projection planner needs. */
export interface ProjectionPlannerOptions {
  readonly service: string;
  readonly projections: readonly Projection[];
  readonly store: Store;
  readonly feeds: FeedClient;
  readonly intake: Pick<Intake, "admit">;
  /** Channel that readers in other processes listen on. */
  readonly notify?: string;
  /** Generations that are written; the current one, and during a rebuild the next. */
  readonly generations: Pick<Generations, "refresh" | "snapshot" | "forget">;
  /** Called after a commit with the rows that changed. */
  readonly onRows?: (rows: readonly ProjectionRow[]) => void;
}

/** One row that an event belongs to. */
interface Target {
  readonly projection: Projection;
  readonly generation: number;
  readonly key: string;
  /** Whether readers use this generation; else a rebuild is filling it. */
  readonly isCurrent: boolean;
}

/** A projection and the services whose events it may take. */
interface Prepared {
  readonly projection: Projection;
  readonly sources: ReadonlySet<string>;
}

/** A work as projections see it. */
interface Aimed {
  readonly event: ProjectedEvent;
  readonly targets: readonly Target[];
}

/** One row in the middle of a batch. */
interface Draft {
  readonly row: ProjectionRow;
  /** Revision that the commit will assert. */
  readonly loadedRevision: number;
}

/**
 * Applies events to read models.
 *
 * Rows keep the position per source stream, so it needs no inbox: an old event changes nothing, the next is applied, and a
 * later one first brings in what is missing from its owner's feed.
 */
export class ProjectionPlanner implements Planner {
  readonly #options: ProjectionPlannerOptions;
  readonly #prepared: readonly Prepared[];
  /** Where the works of the batch go: loading, looking for gaps and applying all ask. */
  #aimed = new Map<Work, Aimed>();
  #rows = new Map<string, ProjectionRow>();
  /** What gaps have brought in, by the work that showed the gap. */
  #missing = new Map<Work, readonly Work[]>();
  #unreachable = new Map<Work, unknown>();
  /** As they were when the batch was loaded: a rebuild that begins meanwhile must not show in the middle of it. */
  #generations: ReadonlyMap<string, readonly number[]> = new Map();
  readonly inboxConsumer: string;

  constructor(options: ProjectionPlannerOptions) {
    this.#options = options;
    this.#prepared = options.projections.map((projection) => ({
      projection,
      sources: new Set(projection.subscribes.map(({ service }) => service)),
    }));
    this.inboxConsumer = options.service;
  }

  groupOf(work: Work): string {
    return work.subject;
  }

  /** One stream's events; rows that they belong to apply them in order anyway. */
  laneOf(work: Work): string {
    return work.subject;
  }

  async load(works: readonly Work[]): Promise<void> {
    // Emptied maps would keep what was in them alive for long: see InFlightMap.
    this.#aimed = new Map();
    this.#rows = new Map();
    this.#missing = new Map();
    this.#unreachable = new Map();
    await this.#options.generations.refresh();
    this.#generations = this.#options.generations.snapshot();
    await this.#loadRows(works);
    await this.#fillGaps(works);
  }

  plan(works: readonly Work[], _nowMs: number): Plan {
    const drafts = new Map<string, Draft>();
    const failures = new Map<Work, unknown>();
    for (const work of works) {
      const unreachable = this.#unreachable.get(work);
      if (unreachable !== undefined) {
        failures.set(work, unreachable);
        continue;
      }
      try {
        for (const each of this.#missing.get(work) ?? []) this.#apply(each, drafts);
        this.#apply(work, drafts);
      } catch (error) {
        failures.set(work, error);
      }
    }
    const rows = [...drafts.values()].filter(({ row, loadedRevision }) => row.revision !== loadedRevision)
      .map(({ row, loadedRevision }) => ({ ...row, revision: loadedRevision }));
    const { notify, onRows } = this.#options;
    return {
      writes: {
        ...noWrites,
        rows,
        answered: works.filter((work) => !failures.has(work)).flatMap(({ received }) => received.re),
        ...(notify === undefined || rows.length === 0 ? {} : { notify }),
      },
      failures,
      recorded: new Map(),
      committed: () => onRows?.(rows.map((row) => ({ ...row, revision: row.revision + 1 }))),
    };
  }

  forget(): void {
    this.#rows = new Map();
    // A row may be stale because readers have been given another generation.
    this.#options.generations.forget();
  }

  #apply(work: Work, drafts: Map<string, Draft>): void {
    const { event, targets } = this.#aim(work);
    for (const { projection, generation, key, isCurrent } of targets) {
      const id = rowId(projection.name, generation, key);
      const draft = drafts.get(id) ?? this.#draftOf(projection, generation, key);
      const seen = draft.row.seen[event.stream] ?? 0;
      if (event.position <= seen) continue;
      // A rebuild has not come so far; it will read this event from the feed in its turn.
      if (!isCurrent && event.position > seen + 1) continue;
      invariant(
        event.position === seen + 1,
        `Cannot project "${event.stream}" at ${event.position}: row is at ${seen}`,
      );
      const isKnown = projection.subscribes.some(({ type, version }) =>
        type === event.type && version === event.version
      );
      const row = isKnown ? projection.apply(draft.row.row, event) : draft.row.row;
      drafts.set(id, {
        ...draft,
        row: {
          ...draft.row,
          row: row as Json,
          owner: projection.ownerOf(row),
          sort: projection.sortOf(row, key),
          seen: { ...draft.row.seen, [event.stream]: event.position },
          revision: draft.row.revision + 1,
        },
      });
    }
  }

  #draftOf(projection: Projection, generation: number, key: string): Draft {
    const loaded = this.#rows.get(rowId(projection.name, generation, key));
    if (loaded !== undefined) return { row: loaded, loadedRevision: loaded.revision };
    const row = projection.initialRow(key) as Json;
    return {
      row: { projection: projection.name, generation, key, owner: "", sort: "", seen: {}, row, revision: 0 },
      loadedRevision: 0,
    };
  }

  async #loadRows(works: readonly Work[]): Promise<void> {
    const wanted = new Map<string, { projection: string; generation: number; keys: Set<string> }>();
    for (const work of works) {
      for (const { projection: { name }, generation, key } of this.#aim(work).targets) {
        const id = `${name}#${generation}`;
        const group = wanted.get(id) ?? { projection: name, generation, keys: new Set() };
        group.keys.add(key);
        wanted.set(id, group);
      }
    }
    for (const { projection, generation, keys } of wanted.values()) {
      for (const row of await this.#options.store.loadRows(projection, generation, [...keys])) {
        this.#rows.set(rowId(projection, generation, row.key), row);
      }
    }
  }

  /** Reads what lies between a row's position and the batch from the owners' feeds. */
  async #fillGaps(works: readonly Work[]): Promise<void> {
    const at = new Map<string, number>();
    // What follows an event that cannot be applied now cannot be applied either; the owner is not asked for each.
    const unreachable = new Map<string, unknown>();
    for (const work of works) {
      const { event, targets: all } = this.#aim(work);
      // What readers see must be whole; the next generation is filled by its rebuild.
      const targets = all.filter(({ isCurrent }) => isCurrent);
      if (targets.length === 0) continue;
      const reached = targets.map(({ projection: { name }, generation, key }) => {
        const id = rowId(name, generation, key);
        return at.get(`${id} ${event.stream}`) ?? this.#rows.get(id)?.seen[event.stream] ?? 0;
      });
      const lowest = Math.min(...reached);
      if (event.position > lowest + 1) {
        if (unreachable.has(event.stream)) this.#unreachable.set(work, unreachable.get(event.stream));
        else await this.#fillGap(work, event, lowest + 1);
        if (this.#unreachable.has(work)) {
          unreachable.set(event.stream, this.#unreachable.get(work));
          continue;
        }
      }
      for (const { projection: { name }, generation, key } of targets) {
        const id = `${rowId(name, generation, key)} ${event.stream}`;
        at.set(id, Math.max(event.position, at.get(id) ?? 0));
      }
    }
  }

  async #fillGap(work: Work, event: ProjectedEvent, from: number): Promise<void> {
    const { feeds, intake } = this.#options;
    const found: Work[] = [];
    try {
      for (let next = from; next < event.position;) {
        const items = await feeds.readStream(work.issuer, event.stream, next);
        if (items.length === 0) break;
        for (const { version, envelope } of items) {
          if (version < event.position) found.push(await intake.admit(envelope, work.returnTo));
          next = version + 1;
        }
      }
      this.#missing.set(work, found);
    } catch (error) {
      this.#unreachable.set(work, error);
    }
  }

  #aim(work: Work): Aimed {
    let aimed = this.#aimed.get(work);
    if (aimed === undefined) {
      const event = projectedEvent(work);
      aimed = { event, targets: this.#targets(event) };
      this.#aimed.set(work, aimed);
    }
    return aimed;
  }

  #targets(event: ProjectedEvent): readonly Target[] {
    const targets: Target[] = [];
    const service = event.stream.slice(0, event.stream.indexOf("/"));
    for (const { projection, sources } of this.#prepared) {
      if (!sources.has(service)) continue;
      const key = projection.keyOf(event);
      if (key === undefined) continue;
      for (const [index, generation] of (this.#generations.get(projection.name) ?? []).entries()) {
        targets.push({ projection, generation, key, isCurrent: index === 0 });
      }
    }
    return targets;
  }
}

/** @returns A proven event as projections see it. */
export function projectedEvent({ received, subject, position, cause }: Work): ProjectedEvent {
  const event = {
    id: received.id,
    type: received.type,
    version: received.version,
    stream: subject,
    position: position ?? 0,
    key: received.key,
    correlation: received.correlation,
    data: received.data,
    recordedAtMs: received.recordedAtMs,
  };
  return cause === undefined ? event : { ...event, cause };
}

function rowId(projection: string, generation: number, key: string): string {
  return `${projection}:${generation}:${key}`;
}
