import { UnavailableError } from "@mesh/base";
import type { FeedClient } from "@mesh/runtime";
import type { Simulated, SimulatedProcess } from "./process.ts";
import type { SimulatedDatabase } from "./simulated_mesh.ts";

/** What the feeds of one process stand on. */
export interface SimulatedFeedsOptions {
  readonly simulated: Simulated;
  /** Who asks. */
  readonly process: SimulatedProcess;
  /** Finds an owner; `undefined` for a service that this mesh runs without. */
  readonly find: (owner: string) => { readonly home: SimulatedDatabase; readonly isUp: boolean } | undefined;
}

/** Other services' internal ports over a network. A service that is not simulated has nothing to say. */
export function simulatedFeeds(options: SimulatedFeedsOptions): FeedClient {
  return {
    read: (owner, { after, types, lagMs = 0, limit }) =>
      call(options, owner, {
        absent: { items: [], next: after, completeUntilMs: 0, hasMore: false },
        ask: async ({ reader }) => {
          const untilMs = (await reader.nowMs()) - lagMs;
          return await reader.readFeed({ after, limit, untilMs, ...(types === undefined ? {} : { types }) });
        },
      }),
    readStream: (owner, stream, from) =>
      call(options, owner, { absent: [], ask: ({ reader }) => reader.readStream(stream, from, 500) }),
  };
}

function call<T>(
  { simulated: { scheduler, random, faults }, process, find }: SimulatedFeedsOptions,
  owner: string,
  { absent, ask }: { readonly absent: T; readonly ask: (home: SimulatedDatabase) => Promise<T> },
): Promise<T> {
  const found = find(owner);
  if (found === undefined) return Promise.resolve(absent);
  const answer = Promise.withResolvers<T>();
  scheduler.after(random.between(0.5, 10), process, () => {
    const current = find(owner);
    const isAway = current === undefined || !current.isUp || current.home.awayUntilMs > scheduler.nowMs;
    if (isAway || faults.strikes("feed-failed")) {
      answer.reject(new UnavailableError(`Cannot read the feed of "${owner}"`, { dependency: owner }));
      return;
    }
    if (faults.strikes("crash")) return process.kill(`while it reads the feed of ${owner}`);
    ask(current.home).then(
      (result) => process.hand(() => answer.resolve(result)),
      (error) => process.hand(() => answer.reject(error)),
    );
  });
  return answer.promise;
}
