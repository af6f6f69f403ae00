/**
 * Waits for the next call of a listener, or for the signal.
 *
 * @param subscribe Takes the listener and returns what removes it.
 */
export function nextCall(subscribe: (wake: () => void) => () => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      unsubscribe();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const unsubscribe = subscribe(finish);
    signal.addEventListener("abort", finish, { once: true });
  });
}

/** Resolves once one of the signals has aborted. */
export function whenAborted(...signals: readonly AbortSignal[]): Promise<void> {
  return nextCall(() => () => {}, AbortSignal.any([...signals]));
}
