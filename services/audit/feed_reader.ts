import { type Clock, errorCode, errorText, MeshError, UnavailableError } from "@mesh/base";
import type { Verifier } from "@mesh/envelope";
import type { Log, Meter } from "@mesh/runtime";
import type { FeedPage } from "@mesh/store";
import type { AuditStore, Recollection } from "./audit_store.ts";
import { chained } from "./chain.ts";
import type { NewEntry } from "./entry.ts";
import type { Progress } from "./feed_progress.ts";
import { judge, type Judged } from "./judge.ts";

/** What reading one service's feed needs. */
export interface FeedReaderOptions {
  /** The service whose feed is read. */
  readonly owner: string;
  /** Reads one page. */
  readonly readPage: (query: { after: string; limit: number }, signal: AbortSignal) => Promise<FeedPage>;
  readonly store: AuditStore;
  /** Without receiver: the auditor takes every event. */
  readonly verifier: Verifier;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Pick<Meter, "refused">;
  /** Wait after a look that found nothing more, in milliseconds. */
  readonly intervalMs: number;
}

/** Envelopes of one page: what a transaction takes in a few dozen milliseconds. */
const pageMax = 500;
/** Envelopes verified without letting anything else run: about 10 ms. */
const sliceMax = 64;
/** Longest wait between two looks at a feed that does not answer, in milliseconds. */
const awayMaxMs = 5_000;
/** An owner that starts fails so often to answer, in 3.5 s; then it is away. */
const restartFailures = 3;
/** A key may be younger than the last reading of the directory, which is read at most every 30 s. */
const strangerPatienceMs = 60_000;

/** Where a reader stands. */
interface Stand {
  /** Cursor that is stored; absent until it is loaded, or when somebody else has moved it. */
  stored?: string | undefined;
  /** Cursor to read after; differs from the stored one only where the owner refuses that. */
  after: string;
  completeUntilMs: number;
  /** Since when a key is waited for that nobody knows, by the monotonic clock. */
  strangerSinceMs?: number | undefined;
}

/**
 * Reads a service's feed into the audit's store, until the signal aborts. Nothing that the feed gives out is dropped: what
 * does not verify is stored with the reason and told to the log and the metrics.
 */
export async function readFeed(options: FeedReaderOptions, signal: AbortSignal): Promise<void> {
  const { owner, progress, clock, log, intervalMs } = options;
  const stand: Stand = { after: "", completeUntilMs: 0 };
  let failures = 0;
  while (!signal.aborted) {
    let waitMs = intervalMs;
    try {
      if (await readOnce(options, stand, signal)) waitMs = 0;
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      delete stand.stored;
      const fault = errorText(error);
      progress.failed(owner, fault);
      // An outage that lasts is told once; each bug is told.
      const isAway = errorCode(error) === "dependency.unavailable";
      const level = isAway ? (failures === restartFailures ? "warn" : "debug") : "error";
      log[level]("Cannot read the feed of {owner}: {error}", { owner, error: fault });
      waitMs = Math.min(intervalMs * 2 ** failures, Math.max(awayMaxMs, intervalMs));
      failures += 1;
    }
    await clock.delay(waitMs, signal);
  }
}

/** Takes one page. @returns Whether there is more right now. */
async function readOnce(options: FeedReaderOptions, stand: Stand, signal: AbortSignal): Promise<boolean> {
  const { owner, store, progress } = options;
  if (stand.stored === undefined) await load(options, stand);
  const page = await pageAfter(options, stand, signal);
  if (page === undefined) return true;
  // While more is there, nothing is known to be complete.
  const completeUntilMs = page.hasMore ? stand.completeUntilMs : Math.max(stand.completeUntilMs, page.completeUntilMs);
  // An idle feed costs no transaction: that it is complete up to now is kept in memory.
  if (page.next !== stand.stored) {
    const judged = await judgePage(options, stand, page.items, signal);
    const entries = await placed(options, judged);
    const { stored = "" } = stand;
    if (!await store.append({ owner, stored, next: page.next, completeUntilMs, entries })) {
      delete stand.stored;
      return true;
    }
    stand.stored = page.next;
    report(options, entries);
  }
  stand.after = page.next;
  stand.completeUntilMs = completeUntilMs;
  if (!page.hasMore) progress.complete(owner, completeUntilMs);
  return page.hasMore;
}

async function load({ owner, store, progress }: FeedReaderOptions, stand: Stand): Promise<void> {
  const state = (await store.loadFeeds()).find((feed) => feed.owner === owner) ??
    { owner, cursor: "", completeUntilMs: 0 };
  progress.recall(state);
  stand.stored = state.cursor;
  stand.after = state.cursor;
  stand.completeUntilMs = state.completeUntilMs;
}

/** @returns `undefined` when the owner takes the cursor no more: it was restored, and is read from the beginning. */
async function pageAfter(
  { owner, readPage, log }: FeedReaderOptions,
  stand: Stand,
  signal: AbortSignal,
): Promise<FeedPage | undefined> {
  try {
    return await readPage({ after: stand.after, limit: pageMax }, signal);
  } catch (error) {
    if (!(error instanceof MeshError) || error.reason !== "cursor-epoch" || stand.after === "") throw error;
    log.warn("The feed of {owner} begins anew; what is known of it is passed over", { owner });
    stand.after = "";
    return undefined;
  }
}

async function judgePage(
  options: FeedReaderOptions,
  stand: Stand,
  items: FeedPage["items"],
  signal: AbortSignal,
): Promise<readonly Judged[]> {
  const { owner, verifier, clock } = options;
  const first = await judgeAll(options, items, signal);
  if (!first.some(({ reason }) => reason === "unknown-key")) {
    delete stand.strangerSinceMs;
    return first;
  }
  // A verdict stands for ever, so it waits until the keys were read after the stranger was met.
  stand.strangerSinceMs ??= clock.monotonicMs();
  const isFresh = await verifier.keys.refresh();
  if (!isFresh && clock.monotonicMs() - stand.strangerSinceMs < strangerPatienceMs) {
    throw new UnavailableError(`Cannot judge events of "${owner}": an unknown key may be in the directory soon`, {
      dependency: "key-directory",
    });
  }
  delete stand.strangerSinceMs;
  return await judgeAll(options, items, signal);
}

async function judgeAll(
  { owner, verifier, clock }: FeedReaderOptions,
  items: FeedPage["items"],
  signal: AbortSignal,
): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  for (let at = 0; at < items.length; at += sliceMax) {
    if (at > 0) await clock.delay(0, signal);
    for (const item of items.slice(at, at + sliceMax)) judged.push(judge(owner, item, verifier));
  }
  return judged;
}

/** Leaves out what is stored, finds ids that are used twice, and places the rest in their streams. */
async function placed({ owner, store }: FeedReaderOptions, judged: readonly Judged[]): Promise<readonly NewEntry[]> {
  if (judged.length === 0) return [];
  const streams = new Set(judged.flatMap(({ facts, reason }) => reason === undefined ? facts.subject ?? [] : []));
  const envelopes = judged.map(({ facts, hash }) => ({ id: facts.id ?? "", hash }));
  const { heads, rivals } = await store.recall(owner, { streams: [...streams], envelopes });
  return chained(unstored(judged, rivals), heads);
}

function unstored(judged: readonly Judged[], stored: Recollection["rivals"]): readonly Judged[] {
  const rivals = new Map(stored);
  const fresh: Judged[] = [];
  for (const one of judged) {
    const { owner, hash, reason, facts: { id = "" } } = one;
    const known = rivals.get(id) ?? [];
    if (known.some((rival) => rival.hash === hash && rival.owner === owner)) continue;
    const isReused = reason === undefined && known.some((rival) => rival.isVerified && rival.hash !== hash);
    const entry = isReused ? { ...one, reason: "id-reused" } : one;
    rivals.set(id, [...known, { owner, hash, isVerified: entry.reason === undefined }]);
    fresh.push(entry);
  }
  return fresh;
}

/** Findings that one line of the log names; the rest are counted. */
const namedMax = 10;

function report({ owner, log, meter }: FeedReaderOptions, entries: readonly NewEntry[]): void {
  const findings = entries.flatMap(({ reason, chain, facts, hash }) => {
    const finding = reason ?? (chain === "gap" || chain === "fork" ? `stream-${chain}` : undefined);
    return finding === undefined ? [] : [{ finding, id: facts.id ?? `hash ${hash}` }];
  });
  if (findings.length === 0) return;
  for (const { finding } of findings) meter.refused(finding);
  log.error("{count} events of the feed of {owner} do not hold: {findings}", {
    owner,
    count: findings.length,
    findings: findings.slice(0, namedMax).map(({ finding, id }) => `${finding} ${id}`).join(", "),
  });
}
