import { ConflictError, type Json } from "@mesh/base";
import { noWrites, type ProjectionRow, type Store } from "@mesh/store";
import { KeySketch } from "./key_sketch.ts";
import type { ProjectedEvent, Projection } from "./projection.ts";

/** What folding needs. */
export interface GenerationFoldOptions {
  readonly projection: Projection;
  /** The generation that is filled: empty at first, and nobody reads it and nobody else writes it. */
  readonly generation: number;
  readonly store: Pick<Store, "loadRows" | "commit">;
  /** Rows kept in memory at most. Default 4,096. */
  readonly rowsMax?: number;
}

/** Rows written in one commit: some dozens of milliseconds. */
const commitRowsMax = 256;

/** A row in the making. */
interface Draft {
  row: Json;
  /** Positions by stream. A map, because the name of nearly every stream is the name of no other row's. */
  readonly seen: Map<string, number>;
  /** Revision that is stored; 0 for a new row. */
  readonly storedRevision: number;
  isChanged: boolean;
  /** The higher, the later it was changed. */
  changedNo: number;
}

/**
 * Fills a generation of a read model that nobody reads yet: rows are kept in memory while events change them, and are
 * written when others need the place. A row that gets a dozen events in a row is written once.
 */
export class GenerationFold {
  readonly #options: GenerationFoldOptions;
  readonly #rowsMax: number;
  readonly #drafts = new Map<string, Draft>();
  #changeCount = 0;
  /** Rows that were ever sent into the store: no other row is looked for there. */
  readonly #sent = new KeySketch();
  /** Rows on their way into the store, which takes them while the next events are verified. */
  #leaving: { readonly keys: ReadonlySet<string>; readonly written: Promise<void> } | undefined;
  /** Versions that the projection knows, by type. */
  readonly #versions: ReadonlyMap<string, readonly number[]>;
  readonly #sources: ReadonlySet<string>;

  constructor(options: GenerationFoldOptions) {
    this.#options = options;
    this.#rowsMax = options.rowsMax ?? 4_096;
    const byType = Map.groupBy(options.projection.subscribes, ({ type }) => type);
    this.#versions = new Map([...byType].map(([type, list]) => [type, list.map(({ version }) => version)]));
    this.#sources = new Set(options.projection.subscribes.map(({ service }) => service));
  }

  /**
   * Applies events, those of one stream in their order. What a row has seen already, and what lies beyond a gap (behind
   * an event that did not verify), changes nothing.
   *
   * @throws {UnavailableError} If the database is away; the same events may then be given again.
   * @throws {ConflictError} If somebody else writes to the generation.
   * @throws What the projection throws.
   */
  async add(events: readonly ProjectedEvent[]): Promise<void> {
    const { projection: { keyOf } } = this.#options;
    const placed: { readonly key: string; readonly event: ProjectedEvent }[] = [];
    const keys = new Set<string>();
    for (const event of events) {
      if (!this.#sources.has(event.stream.slice(0, event.stream.indexOf("/")))) continue;
      const key = keyOf(event);
      if (key === undefined) continue;
      placed.push({ key, event });
      keys.add(key);
    }
    if (this.#leaving !== undefined && !this.#leaving.keys.isDisjointFrom(keys)) await this.#settle();
    await this.#load(keys);
    for (const { key, event } of placed) this.#apply(key, event);
    if (this.#drafts.size <= this.#rowsMax) return;
    await this.#settle();
    this.#leave(Math.ceil(this.#drafts.size / 2));
  }

  /** Writes what is in memory and forgets it. */
  async flush(): Promise<void> {
    await this.#settle();
    this.#leave(this.#drafts.size);
    await this.#settle();
  }

  async #load(keys: ReadonlySet<string>): Promise<void> {
    const { projection: { name }, generation, store } = this.#options;
    const missing = [...keys].filter((key) => !this.#drafts.has(key) && this.#sent.mayHave(key));
    if (missing.length === 0) return;
    for (const row of await store.loadRows(name, generation, missing)) {
      const { key, row: content, seen, revision: storedRevision } = row;
      this.#drafts.set(key, {
        row: content,
        seen: new Map(Object.entries(seen)),
        storedRevision,
        isChanged: false,
        changedNo: this.#changeCount,
      });
    }
  }

  #apply(key: string, event: ProjectedEvent): void {
    const { projection } = this.#options;
    const draft = this.#drafts.get(key) ?? this.#begin(key);
    const { stream, type, version, position } = event;
    if (position !== (draft.seen.get(stream) ?? 0) + 1) return;
    if (this.#versions.get(type)?.includes(version)) draft.row = projection.apply(draft.row, event) as Json;
    draft.seen.set(stream, position);
    draft.isChanged = true;
    draft.changedNo = this.#changeCount += 1;
  }

  #begin(key: string): Draft {
    const row = this.#options.projection.initialRow(key) as Json;
    const draft = { row, seen: new Map(), storedRevision: 0, isChanged: false, changedNo: this.#changeCount };
    this.#drafts.set(key, draft);
    return draft;
  }

  /** Sends the rows that were left alone longest on their way. */
  #leave(count: number): void {
    const drafts = [...this.#drafts];
    if (count < drafts.length) drafts.sort(([, one], [, other]) => one.changedNo - other.changedNo);
    const oldest = drafts.slice(0, count);
    for (const [key] of oldest) {
      this.#drafts.delete(key);
      this.#sent.add(key);
    }
    const written = this.#write(oldest);
    // Heard of when somebody settles it.
    written.catch(() => {});
    this.#leaving = { keys: new Set(oldest.map(([key]) => key)), written };
  }

  /** Waits for what is on its way; if that failed, its rows are here again. */
  async #settle(): Promise<void> {
    const leaving = this.#leaving;
    this.#leaving = undefined;
    await leaving?.written;
  }

  async #write(drafts: readonly (readonly [key: string, draft: Draft])[]): Promise<void> {
    let at = 0;
    try {
      for (; at < drafts.length; at += commitRowsMax) {
        await this.#commit(drafts.slice(at, at + commitRowsMax).filter(([, { isChanged }]) => isChanged));
      }
    } catch (error) {
      for (const [key, draft] of drafts.slice(at)) this.#drafts.set(key, draft);
      throw error;
    }
  }

  async #commit(drafts: readonly (readonly [key: string, draft: Draft])[]): Promise<void> {
    if (drafts.length === 0) return;
    const { projection, projection: { name }, generation, store } = this.#options;
    const rows = drafts.map(([key, { row, seen, storedRevision }]): ProjectionRow => ({
      projection: name,
      generation,
      key,
      owner: projection.ownerOf(row),
      sort: projection.sortOf(row, key),
      seen: Object.fromEntries(seen),
      row,
      revision: storedRevision,
    }));
    const { outcome } = await store.commit({ ...noWrites, rows });
    if (outcome === "committed") return;
    const stored = await store.loadRows(name, generation, rows.map(({ key }) => key));
    const found = new Map(stored.map((row) => [row.key, row]));
    const isOver = rows.some((row) => isBehind(row, found.get(row.key)));
    const again = rows.map((row) => ({ ...row, revision: found.get(row.key)?.revision ?? 0 }));
    if (!isOver && (await store.commit({ ...noWrites, rows: again })).outcome === "committed") return;
    throw new ConflictError(`Cannot fill "${name}": somebody else does`, { reason: "rebuild-elsewhere" });
  }
}

/**
 * A commit whose outcome nobody has heard of is made again, with more events in it, and meets itself. What a row holds
 * follows from what it has seen, so that one that has seen less is replaced, whoever has written it.
 */
function isBehind({ revision, seen }: ProjectionRow, stored: ProjectionRow | undefined): boolean {
  if (stored === undefined) return revision > 0;
  return Object.entries(stored.seen).some(([stream, position]) => (seen[stream] ?? 0) < position);
}
