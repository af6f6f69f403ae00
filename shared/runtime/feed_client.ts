import { ContractError, UnavailableError } from "@mesh/base";
import type { FeedPage } from "@mesh/store";
import { z } from "zod";
import type { PeerClient } from "./peer_client.ts";

/** What to read of a feed. */
export interface FeedQuery {
  /** Cursor of the last page; empty for the beginning. */
  readonly after: string;
  /** Event types; absent for all. */
  readonly types?: readonly string[];
  /** Leaves out what was recorded in the last milliseconds, by the owner's database clock; 0 for everything. */
  readonly lagMs?: number;
  /** At most 1000. */
  readonly limit: number;
}

/** Reads other services' events. */
export interface FeedClient {
  /**
   * @throws {UnavailableError} If the owner does not answer.
   * @throws {ContractError} With reason `cursor-epoch` if the owner takes the cursor no more: its database was restored,
   * and its feed is to be read from the beginning.
   */
  read(owner: string, query: FeedQuery, signal?: AbortSignal): Promise<FeedPage>;
  /** Reads one stream from version `from` on, at most 500 envelopes. */
  readStream(
    owner: string,
    stream: string,
    from: number,
    signal?: AbortSignal,
  ): Promise<readonly { readonly version: number; readonly envelope: string }[]>;
}

/** Reads feeds over the owners' internal ports. */
export function httpFeedClient(peers: PeerClient): FeedClient {
  return {
    read: async (owner, { after, types, lagMs, limit }, signal) => {
      const query = new URLSearchParams({ after, limit: String(limit) });
      if (types !== undefined) query.set("types", types.join(","));
      if (lagMs !== undefined) query.set("lagMs", String(lagMs));
      return pageSchema.parse(await json(peers, owner, `/mesh/v1/events?${query}`, signal));
    },
    readStream: async (owner, stream, from, signal) => {
      const path = `/mesh/v1/streams/${encodeURIComponent(stream)}?from=${from}`;
      return streamSchema.parse(await json(peers, owner, path, signal)).items;
    },
  };
}

async function json(peers: PeerClient, owner: string, path: string, signal?: AbortSignal): Promise<unknown> {
  const response = await peers.call(owner, path, signal === undefined ? {} : { signal });
  if (!response.ok) {
    await response.body?.cancel();
    // The cursor is the only part of such a request that an owner can find malformed.
    if (response.status === 400) {
      throw new ContractError(`Cannot read the feed of "${owner}": it refuses the cursor`, { reason: "cursor-epoch" });
    }
    throw new UnavailableError(`Cannot read the feed of "${owner}": it answered ${response.status}`, {
      dependency: owner,
    });
  }
  return await response.json();
}

const pageSchema = z.object({
  items: z.array(z.object({ cursor: z.string(), envelope: z.string(), recordedAtMs: z.number() })),
  next: z.string(),
  completeUntilMs: z.number(),
  hasMore: z.boolean(),
});
const streamSchema = z.object({ items: z.array(z.object({ version: z.int(), envelope: z.string() })) });
