/** What load needs of time; `Clock` of the mesh is one, and contenders that run under Node have none of the mesh. */
export interface LoadClock {
  /** Milliseconds since some moment, never going back. */
  monotonicMs(): number;
  /** Resolves after so many milliseconds, or as soon as the signal aborts. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this process. */
export const loadClock: LoadClock = Object.freeze({
  monotonicMs: () => performance.now(),
  delay: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal?.aborted === true) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener("abort", end, { once: true });
    }),
});
