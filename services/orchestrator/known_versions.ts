import { errorText } from "@mesh/base";
import type { Log } from "@mesh/runtime";
import type { SagaHost, SagaTurnData, SagaVersion } from "@mesh/saga";
import type { Store } from "@mesh/store";

/** Streams looked at in one go. */
const pageCount = 100;

/**
 * Looks once through all unfinished instances for versions that this host lacks; until that is done and finds none, the
 * service is not ready, so a rollout that dropped a version too early stops by itself.
 */
export class KnownVersions {
  #faults: readonly string[] = ["sagas: unfinished instances are being looked through"];

  /** What keeps the service from being ready; empty when every unfinished instance can go on. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Looks until it has seen all, or `signal` aborts; a database that is away is tried again. */
  async look(host: SagaHost, store: Store, { log, signal, delay }: Looking): Promise<void> {
    while (!signal.aborted) {
      try {
        const missing = host.unknownVersions(await namedVersions(host, store));
        this.#faults = missing.map(({ saga, version }) => `sagas: unfinished instances need "${saga}#${version}"`);
        if (missing.length > 0) log.error("Unfinished sagas need versions that are missing: {missing}", { missing });
        return;
      } catch (error) {
        log.warn("Cannot look through unfinished sagas: {error}", { error: errorText(error) });
        await delay(1_000, signal);
      }
    }
  }
}

/** What looking needs besides host and store. */
export interface Looking {
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly delay: (durationMs: number, signal: AbortSignal) => Promise<void>;
}

/** Versions that unfinished instances name, read from their records and not by replaying them. */
async function namedVersions(host: SagaHost, store: Store): Promise<readonly SagaVersion[]> {
  const named = new Map<string, SagaVersion>();
  let after: string | undefined;
  while (true) {
    const page = await store.listStreams({
      prefix: `${host.service}/`,
      limit: pageCount,
      ...(after === undefined ? {} : { after }),
    });
    const streams = page.map(({ stream }) => stream);
    for (const { snapshot, events } of await store.loadStreams(streams, host.stateVersion)) {
      const record = (events.at(-1)?.data ?? snapshot?.state) as Partial<SagaTurnData> | null | undefined;
      if (typeof record?.saga !== "string" || typeof record.version !== "number") continue;
      named.set(`${record.saga}#${record.version}`, { saga: record.saga, version: record.version });
    }
    if (page.length < pageCount) return [...named.values()];
    after = streams.at(-1);
  }
}
