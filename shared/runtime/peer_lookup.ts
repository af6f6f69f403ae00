import { ContractError, LoadTogether, UnavailableError } from "@mesh/base";
import { z } from "zod";
import type { PeerClient } from "./peer_client.ts";

/** What is looked up, and where. */
export interface PeerLookupOptions<Item> {
  readonly peers: PeerClient;
  /** Service that is asked. */
  readonly peer: string;
  /** Its route, which takes each key as a parameter and answers `{items}` with those that it has. */
  readonly path: string;
  /** Name of the parameter that stands in the query once for each key. */
  readonly parameter: string;
  readonly item: z.ZodType<Item>;
  readonly keyOf: (item: Item) => string;
}

/**
 * Looks things up at another service by their keys; nothing is kept. What is asked for while requests are under way shares
 * the next one, so that a service under load is asked seldom.
 *
 * @returns A function that resolves with the item, or `undefined` if the peer has none. It throws `UnavailableError` while
 * the peer does not answer, `ContractError` for an answer that is none, and the signal's reason once that aborts.
 */
export function peerLookup<Item>(
  { peers, peer, path, parameter, item, keyOf }: PeerLookupOptions<Item>,
): (key: string, signal: AbortSignal) => Promise<Item | undefined> {
  const document = z.object({ items: z.array(item) });
  const together = new LoadTogether<Item>(async (keys) => {
    const query = new URLSearchParams(keys.map((key) => [parameter, key]));
    const response = await peers.call(peer, `${path}?${query}`);
    if (!response.ok) {
      await response.body?.cancel();
      throw new UnavailableError(`Cannot look up ${path}: ${peer} answered ${response.status}`, { dependency: peer });
    }
    const read = document.safeParse(await response.json());
    if (!read.success) throw new ContractError(`Cannot look up ${path}: the answer of ${peer} is malformed`);
    return new Map(read.data.items.map((found) => [keyOf(found), found]));
  }, { keysMax });
  return async (key, signal) => {
    signal.throwIfAborted();
    return await unlessAborted(together.find(key), signal);
  };
}

/** Keys of one request at most; a peer need not take more. */
const keysMax = 50;

/** The request goes on for others that wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
