import type { ClaimedEffect, EffectClaim, OutboxEntry } from "../store.ts";
import { insertOutbox } from "./outbox.ts";
import type { Tables } from "./tables.ts";

/** Claims the oldest effect of each stream that no later one supersedes, where it is free and its wait is over, within the dependencies' limits. */
export function claimEffects(
  tables: Tables,
  { limits, leaseMs, by }: EffectClaim,
  nowMs: number,
): readonly ClaimedEffect[] {
  const places = new Map(Object.entries(limits));
  const streams = new Set<string>();
  const claimed: ClaimedEffect[] = [];
  const rows = [...tables.effects];
  for (const [at, [id, row]] of rows.entries()) {
    const { stream, dependency } = row.entry;
    const isSuperseded = rows.slice(at + 1).some(([, { entry }]) =>
      entry.stream === stream && entry.supersedes?.includes(row.entry.effect)
    );
    // What is superseded counts only while an attempt is under way.
    if (isSuperseded) {
      if (row.leasedUntilMs > nowMs) streams.add(stream);
      continue;
    }
    const isOldest = !streams.has(stream);
    streams.add(stream);
    const free = places.get(dependency) ?? 0;
    if (!isOldest || free <= 0 || row.nextAtMs > nowMs) continue;
    if (row.leasedUntilMs > nowMs && !row.isAbandoned) continue;
    places.set(dependency, free - 1);
    const held = { ...row, leaseEpoch: row.leaseEpoch + 1, attempt: row.attempt + 1 };
    const lease = { leasedUntilMs: nowMs + leaseMs, leasedBy: by, isAbandoned: false };
    tables.effects.set(id, Object.freeze({ ...held, ...lease }));
    claimed.push(Object.freeze({ ...row.entry, attempt: held.attempt, leaseEpoch: held.leaseEpoch }));
  }
  return claimed;
}

/** Ends an effect and queues its outcome, if the lease is still this one. */
export function finishEffect(
  tables: Tables,
  { effect, outcome }: { readonly effect: ClaimedEffect; readonly outcome: OutboxEntry },
  nowMs: number,
): boolean {
  if (tables.effects.get(effect.id)?.leaseEpoch !== effect.leaseEpoch) return false;
  endEffect(tables, effect.id);
  insertOutbox(tables, [outcome], nowMs);
  return true;
}

/** Removes an effect, and the older ones of its stream that it supersedes. */
export function endEffect(tables: Tables, endedId: string): void {
  const { entry: ended } = tables.effects.get(endedId)!;
  const before = [...tables.effects.keys()];
  for (const id of before.slice(0, before.indexOf(endedId))) {
    const { entry } = tables.effects.get(id)!;
    if (entry.stream === ended.stream && ended.supersedes?.includes(entry.effect)) tables.effects.delete(id);
  }
  tables.effects.delete(endedId);
}

/** Gives an effect back, if the lease is still this one. */
export function releaseEffect(
  tables: Tables,
  effect: ClaimedEffect,
  { nextAtMs, mayArrive }: { readonly nextAtMs: number; readonly mayArrive: boolean },
): void {
  const row = tables.effects.get(effect.id);
  if (row === undefined || row.leaseEpoch !== effect.leaseEpoch) return;
  tables.effects.set(
    effect.id,
    Object.freeze({ ...row, nextAtMs, ...(mayArrive ? { isAbandoned: true } : { leasedUntilMs: 0 }) }),
  );
}
