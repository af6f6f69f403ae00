import type { AuditStore, Batch, EntryFilter, FeedState, Question, Recollection, Rival } from "../audit_store.ts";
import type { Entry, Head } from "../entry.ts";

/** Keeps the audit's entries in memory; the double of the Postgres adapter for tests. */
export function memoryAuditStore(): AuditStore {
  const entries: Entry[] = [];
  const feeds = new Map<string, FeedState>();
  return {
    loadFeeds: () => Promise.resolve([...feeds.values()]),
    recall: (owner, asked) => Promise.resolve(recall(entries, owner, asked)),
    append: (batch: Batch) => {
      const { owner, stored, next, completeUntilMs } = batch;
      if ((feeds.get(owner)?.cursor ?? "") !== stored) return Promise.resolve(false);
      feeds.set(owner, { owner, cursor: next, completeUntilMs });
      for (const entry of batch.entries) entries.push({ ...entry, position: entries.length + 1 });
      return Promise.resolve(true);
    },
    find: ({ after, limit, ...filter }) => {
      const found = entries.filter((entry) => isWanted(entry, filter))
        .sort((a, b) => a.recordedAtMs - b.recordedAtMs || a.position - b.position)
        .filter((entry) =>
          after === undefined || entry.recordedAtMs > after.recordedAtMs ||
          (entry.recordedAtMs === after.recordedAtMs && entry.position > after.position)
        );
      return Promise.resolve(found.slice(0, limit));
    },
    readFigures: () => {
      const failures: Record<string, number> = {};
      for (const { reason } of entries) if (reason !== undefined) failures[reason] = (failures[reason] ?? 0) + 1;
      return Promise.resolve({
        entryCount: entries.length,
        failures,
        gapCount: entries.filter(({ chain }) => chain === "gap").length,
        forkCount: entries.filter(({ chain }) => chain === "fork").length,
      });
    },
  };
}

function recall(entries: readonly Entry[], owner: string, { streams, envelopes }: Question): Recollection {
  const heads = new Map<string, Head>();
  const rivals = new Map<string, Rival[]>();
  for (const entry of entries) {
    const { subject = "", n = 0, id = "" } = entry.facts;
    if (entry.reason === undefined && streams.includes(subject) && n > (heads.get(subject)?.n ?? 0)) {
      heads.set(subject, { n, hash: entry.hash });
    }
    const isAsked = id === ""
      ? entry.owner === owner && envelopes.some(({ hash }) => hash === entry.hash)
      : envelopes.some((envelope) => envelope.id === id);
    if (!isAsked) continue;
    const rival = { owner: entry.owner, hash: entry.hash, isVerified: entry.reason === undefined };
    rivals.set(id, [...rivals.get(id) ?? [], rival]);
  }
  return { heads, rivals };
}

function isWanted({ facts, recordedAtMs }: Entry, filter: EntryFilter): boolean {
  const { fromMs = -Infinity, toMs = Infinity, ...wanted } = filter;
  if (recordedAtMs < fromMs || recordedAtMs >= toMs) return false;
  return Object.entries(wanted).every(([name, value]) =>
    value === undefined || facts[name as keyof typeof facts] === value
  );
}
