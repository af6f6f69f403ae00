import type { FeedState } from "./audit_store.ts";

/** How far the reading of one feed has come. */
export interface FeedProgress {
  readonly owner: string;
  /** Everything that the owner recorded before is stored, in milliseconds since 1970; 0 when nothing is known yet. */
  readonly completeUntilMs: number;
  /** Why the last look failed; absent when it did not. */
  readonly fault?: string;
}

/** How far the reading of all feeds has come; owned by the readers, read by everybody. */
export interface Progress {
  /** Starts with what is stored; more is never forgotten. */
  recall(state: FeedState): void;
  /** A look found nothing more. */
  complete(owner: string, untilMs: number): void;
  failed(owner: string, fault: string): void;
  /** @returns One per owner, sorted by name. */
  feeds(): readonly FeedProgress[];
  /** Everything that was recorded anywhere before is stored, in milliseconds since 1970; 0 when nothing is known yet. */
  completeUntilMs(): number;
}

/**
 * @param owners Services whose feeds are read.
 */
export function feedProgress(owners: readonly string[]): Progress {
  const byOwner = new Map<string, FeedProgress>(
    [...owners].sort().map((owner) => [owner, { owner, completeUntilMs: 0, fault: "not read yet" }]),
  );
  const until = (owner: string) => byOwner.get(owner)?.completeUntilMs ?? 0;
  return {
    recall: ({ owner, completeUntilMs }) => {
      const known = byOwner.get(owner);
      if (known === undefined) return;
      byOwner.set(owner, { ...known, completeUntilMs: Math.max(known.completeUntilMs, completeUntilMs) });
    },
    // The owner's clock may have been set back; what was complete stays so.
    complete: (owner, untilMs) => void byOwner.set(owner, { owner, completeUntilMs: Math.max(until(owner), untilMs) }),
    failed: (owner, fault) => void byOwner.set(owner, { owner, completeUntilMs: until(owner), fault }),
    feeds: () => [...byOwner.values()],
    completeUntilMs: () => Math.min(...[...byOwner.values()].map(({ completeUntilMs }) => completeUntilMs)),
  };
}
