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
  // Listens to each: a signal that depends on others costs as much as the channel that is waited for.
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      for (const signal of signals) signal.removeEventListener("abort", finish);
      resolve();
    };
    for (const signal of signals) signal.addEventListener("abort", finish, { once: true });
  });
}
