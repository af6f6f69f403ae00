import { type Clock, errorCode, errorText, MeshError, UnavailableError } from "@mesh/base";
import type { Verifier } from "@mesh/envelope";
import type { Log, Meter } from "@mesh/runtime";
import type { FeedPage } from "@mesh/store";
import type { AuditStore, Recollection } from "./audit_store.ts";
import { chained } from "./chain.ts";
import type { Head, NewEntry } from "./entry.ts";
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

/** Envelopes of one page, as many as an owner gives out: what a transaction takes in a few dozen milliseconds. */
const pageMax = 1_000;
/** Envelopes verified without letting anything else run: about 10 ms. */
const sliceMax = 64;
/** Streams whose last event is remembered: 10 MB. */
const headsMax = 50_000;
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
  /** The page behind the last one, which is read while that one is verified. */
  ahead?: Promise<FeedPage | undefined> | undefined;
  /** The last batch on its way into the store, which takes it while the next page is verified. */
  storing?: Promise<boolean> | undefined;
  /**
   * Last proven events of streams, as they are when what is on its way is stored. Only this feed moves them, and only
   * whoever moves its cursor, so that they hold until somebody else has done that.
   */
  readonly heads: Map<string, Head>;
  /** Since when a key is waited for that nobody knows, by the monotonic clock. */
  strangerSinceMs?: number | undefined;
}

/**
 * Reads a service's feed into the audit's store, until the signal aborts. Nothing that the feed gives out is dropped: what
 * does not verify is stored with the reason and told to the log and the metrics.
 */
export async function readFeed(options: FeedReaderOptions, signal: AbortSignal): Promise<void> {
  const { owner, progress, clock, log, intervalMs } = options;
  const stand: Stand = { after: "", completeUntilMs: 0, heads: new Map() };
  let failures = 0;
  while (!signal.aborted) {
    let waitMs = 0;
    try {
      const hasMore = await readOnce(options, stand, signal);
      if (!hasMore) waitMs = intervalMs;
      failures = 0;
    } catch (error) {
      forget(stand);
      if (signal.aborted) return;
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
  // Its outcome is in the store; nobody is left to be told.
  await stand.storing?.catch(() => {});
}

/**
 * Takes one page. While it is verified the next one is read and the one before is stored.
 *
 * @returns Whether there is more right now.
 */
async function readOnce(options: FeedReaderOptions, stand: Stand, signal: AbortSignal): Promise<boolean> {
  const { owner, progress } = options;
  if (stand.stored === undefined) await load(options, stand);
  const page = await (stand.ahead ?? pageAfter(options, stand, signal));
  stand.ahead = undefined;
  if (page === undefined) return true;
  // While more is there, nothing is known to be complete.
  const completeUntilMs = page.hasMore ? stand.completeUntilMs : Math.max(stand.completeUntilMs, page.completeUntilMs);
  stand.after = page.next;
  if (page.hasMore) {
    stand.ahead = pageAfter(options, stand, signal);
    // Heard of when its turn comes.
    stand.ahead.catch(() => {});
  }
  // An idle feed costs no transaction: that it is complete up to now is kept in memory.
  const isIdle = page.next === stand.stored;
  if (!isIdle) {
    const judged = await judgePage(options, stand, page.items, signal);
    if (!await areStored(stand)) return true;
    await store(options, stand, { judged, next: page.next, completeUntilMs });
  }
  if (!page.hasMore && !await areStored(stand)) return true;
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

/** What is remembered holds no more: somebody else has moved the cursor, or nobody knows what was stored. */
function forget(stand: Stand): void {
  delete stand.stored;
  delete stand.ahead;
  delete stand.storing;
  stand.heads.clear();
}

/** Waits for the batch that is on its way. @returns Whether it was stored; if not, nothing that is remembered holds. */
async function areStored(stand: Stand): Promise<boolean> {
  const isStored = await (stand.storing ?? true);
  stand.storing = undefined;
  if (!isStored) forget(stand);
  return isStored;
}

/** Places a page and sends it on its way into the store. */
async function store(
  options: FeedReaderOptions,
  stand: Stand,
  { judged, next, completeUntilMs }: {
    readonly judged: readonly Judged[];
    readonly next: string;
    readonly completeUntilMs: number;
  },
): Promise<void> {
  const { owner, store } = options;
  const entries = await placed(options, stand.heads, judged);
  const { stored = "" } = stand;
  stand.stored = next;
  stand.storing = store.append({ owner, stored, next, completeUntilMs, entries }).then((isStored) => {
    if (isStored) report(options, entries);
    return isStored;
  });
  stand.storing.catch(() => {});
  for (const { facts: { subject, n }, reason, hash } of entries) {
    if (reason === undefined && subject !== undefined && n !== undefined) noteHead(stand.heads, subject, { n, hash });
  }
}

function noteHead(heads: Map<string, Head>, stream: string, head: Head): void {
  const known = heads.get(stream);
  if (known !== undefined && known.n >= head.n) return;
  // The longest unchanged one goes first.
  heads.delete(stream);
  heads.set(stream, head);
  if (heads.size > headsMax) heads.delete(heads.keys().next().value!);
}

/** @returns `undefined` when the owner takes the cursor no more: it was restored, and is read from the beginning. */
async function pageAfter(
  { owner, readPage, log }: FeedReaderOptions,
  stand: Stand,
  signal: AbortSignal,
): Promise<FeedPage | undefined> {
  const { after } = stand;
  try {
    return await readPage({ after, limit: pageMax }, signal);
  } catch (error) {
    if (!(error instanceof MeshError) || error.reason !== "cursor-epoch" || after === "") throw error;
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
async function placed(
  { owner, store }: FeedReaderOptions,
  known: ReadonlyMap<string, Head>,
  judged: readonly Judged[],
): Promise<readonly NewEntry[]> {
  if (judged.length === 0) return [];
  const streams = new Set(judged.flatMap(({ facts, reason }) => reason === undefined ? facts.subject ?? [] : []));
  const unknown = [...streams].filter((stream) => !known.has(stream));
  const envelopes = judged.map(({ facts, hash }) => ({ id: facts.id ?? "", hash }));
  const { heads, rivals } = await store.recall(owner, { streams: unknown, envelopes });
  const remembered = [...streams].flatMap((stream) => {
    const head = known.get(stream);
    return head === undefined ? [] : [[stream, head] as const];
  });
  return chained(unstored(judged, rivals), new Map([...heads, ...remembered]));
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
