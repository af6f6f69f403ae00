import type { Clock } from "@mesh/base";

/** How long something that was read is used again. */
export interface CacheOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Read again when older, in milliseconds. */
  readonly freshMs: number;
  /** Used while it cannot be read again, in milliseconds. */
  readonly staleMaxMs: number;
}

/**
 * Keeps the last answer of `read`; while it cannot be read again, an old one is good for a while.
 *
 * @returns Reads through the cache; throws what `read` throws when there is nothing to fall back on.
 */
export function cached<T>(read: () => Promise<T>, { clock, freshMs, staleMaxMs }: CacheOptions): () => Promise<T> {
  let known: { readonly value: T; readonly atMs: number } | undefined;
  let reading: Promise<T> | undefined;
  const readOnce = async (): Promise<T> => {
    try {
      const value = await read();
      known = { value, atMs: clock.monotonicMs() };
      return value;
    } finally {
      reading = undefined;
    }
  };
  return async () => {
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() - known.atMs;
    if (known !== undefined && ageMs < freshMs) return known.value;
    try {
      return await (reading ??= readOnce());
    } catch (error) {
      if (known !== undefined && ageMs < staleMaxMs) return known.value;
      throw error;
    }
  };
}
