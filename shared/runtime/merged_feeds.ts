import type { FeedPage } from "@mesh/store";

/** An envelope of one of several feeds. */
export interface MergedItem {
  readonly owner: string;
  readonly envelope: string;
}

/** Reads one page of an owner's feed. */
export type ReadPage = (owner: string, after: string) => Promise<FeedPage>;

/** One feed on its way to its end. */
interface Source {
  readonly owner: string;
  /** Behind what was handed on or lies in `items`. */
  cursor: string;
  items: FeedPage["items"];
  at: number;
  hasMore: boolean;
  /** The page behind the last one, on its way. */
  ahead?: Promise<FeedPage>;
}

/**
 * Reads several feeds to their ends at once, in about the order in which things happened: each feed in its own order,
 * and of several the event first that was recorded first. What belongs together then lies together, wherever it was
 * recorded.
 *
 * Holds two pages of each feed at most.
 */
export class MergedFeeds {
  readonly #sources: readonly Source[];
  readonly #readPage: ReadPage;

  /**
   * @param owners Services whose feeds are read from the beginning.
   * @param readPage Reads one page; whatever it throws ends the reading.
   */
  constructor(owners: readonly string[], readPage: ReadPage) {
    this.#sources = owners.map((owner) => ({ owner, cursor: "", items: [], at: 0, hasMore: true }));
    this.#readPage = readPage;
  }

  /** @returns Where each feed ended; to be asked for when {@link next} has given nothing. */
  get cursors(): ReadonlyMap<string, string> {
    return new Map(this.#sources.map(({ owner, cursor }) => [owner, cursor]));
  }

  /** @returns What follows, at most `countMax`; nothing at the ends of all feeds. */
  async next(countMax: number): Promise<readonly MergedItem[]> {
    const taken: MergedItem[] = [];
    while (taken.length < countMax) {
      await Promise.all(this.#sources.map((source) => this.#fill(source)));
      const before = taken.length;
      // Until a feed has nothing left here: what comes next in it may be older than all the others.
      while (taken.length < countMax) {
        const first = earliest(this.#sources);
        if (first === undefined) break;
        taken.push({ owner: first.owner, envelope: first.items[first.at]!.envelope });
        first.at += 1;
        if (first.at === first.items.length && first.hasMore) break;
      }
      if (taken.length === before) break;
    }
    return taken;
  }

  async #fill(source: Source): Promise<void> {
    while (source.at === source.items.length && source.hasMore) {
      const page = await (source.ahead ?? this.#readPage(source.owner, source.cursor));
      delete source.ahead;
      Object.assign(source, { items: page.items, at: 0, cursor: page.next, hasMore: page.hasMore });
      if (!page.hasMore) return;
      source.ahead = this.#readPage(source.owner, page.next);
      // Heard of when its turn comes.
      source.ahead.catch(() => {});
    }
  }
}

function earliest(sources: readonly Source[]): Source | undefined {
  let first: Source | undefined;
  for (const source of sources) {
    const item = source.items[source.at];
    if (item === undefined) continue;
    if (first === undefined || item.recordedAtMs < first.items[first.at]!.recordedAtMs) first = source;
  }
  return first;
}
