import type { Shop } from "@jangteo/deploy/dev/start-shop";
import type { Work } from "../contender/protocol.ts";
import type { ShopBooks } from "../saga/shop_books.ts";
import { BrokerTap } from "./broker_tap.ts";
import { signatureOf } from "./envelope_count.ts";
import { readRowCount } from "./row_count.ts";

/** Whoever counts the work of a shop; disposed of when it is done. */
export interface WorkCount extends AsyncDisposable {
  /** @returns What was done since the count began; call it when the shop is quiet. */
  read(): Promise<Work>;
}

/**
 * Begins to count what a shop does: copies in queues and envelopes by a copy of every mailbox, signatures as they stand in
 * envelopes, rows by the database's own statistics. The copies cost the broker something, so nothing else is to be
 * measured meanwhile.
 *
 * @param amqpUrl Of an administrator.
 */
export async function countShopWork(shop: Shop, books: ShopBooks, amqpUrl: string): Promise<WorkCount> {
  const databases = shop.serviceNames.map((name) => books.database(name));
  const rowsBefore = await readRowCount(databases);
  const positions = await books.readPositions();
  const tap = await BrokerTap.open(amqpUrl, shop.serviceNames);
  return {
    read: async () => {
      const rows = await readRowCount(databases);
      const { messages, envelopes, toVerify } = tap.counter.count();
      const recorded = await books.readEnvelopes(positions);
      // The audit log reads every event of every service in a feed.
      const audited = new Set(recorded.map(signatureOf));
      return {
        "queue copies": messages,
        "envelopes in them": envelopes,
        "signatures made": audited.union(tap.counter.signatures()).size,
        "signatures verified": toVerify + audited.size,
        "events recorded": recorded.length,
        "rows inserted": rows.inserted - rowsBefore.inserted,
        "rows changed or deleted": rows.changed - rowsBefore.changed,
      };
    },
    [Symbol.asyncDispose]: () => tap[Symbol.asyncDispose](),
  };
}
