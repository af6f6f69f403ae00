import { type KnownOrder, orderDocument, progressDocument, progressIdOfOrder } from "./order_document.ts";
import {
  decodeProgressId,
  encodeProgressId,
  isAhead,
  isSameProgress,
  noProgress,
  progressIdOf,
} from "./progress_id.ts";
import { sources } from "./projections/order_row.ts";
import type { SseMessage } from "./sse.ts";

/**
 * Says what a reader has yet to be told: one `progress` event for each step, then the whole order where its own events
 * (the only ones that change its status) are among them.
 *
 * @param lastId What the reader says to know; absent or of no order like this, it gets the whole order alone.
 * @returns Nothing when the reader knows everything.
 */
export function progressMessages(known: KnownOrder, lastId: string | undefined): readonly SseMessage[] {
  const whole: SseMessage = { event: "order", id: progressIdOfOrder(known), data: orderDocument(known) };
  const now = progressIdOf(known.orderId, known.read?.seen ?? {});
  const last = lastId === undefined ? undefined : decodeProgressId(lastId);
  if (last === undefined || isAhead(last, now)) return [whole];
  if (isSameProgress(last, now)) return [];
  const messages: SseMessage[] = [];
  let at = { ...noProgress, ...last };
  const log = known.read?.row.log ?? [];
  // Source by source: an id says "all of this source up to here", so within a source the order must be that of the stream.
  for (const source of sources) {
    for (const entry of log.filter((each) => each.source === source && each.no > last[source])) {
      at = { ...at, [source]: entry.no };
      messages.push({ event: "progress", id: encodeProgressId(at), data: progressDocument(entry) });
    }
  }
  return now.orders > last.orders ? [...messages, whole] : messages;
}
