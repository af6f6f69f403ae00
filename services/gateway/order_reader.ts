import type { KnownOrder } from "./order_document.ts";
import type { Page, ReadModels } from "./read_models.ts";
import type { Requests } from "./requests.ts";

/** Finds customers' orders in what was accepted here and in what `orders` has told since. */
export interface OrderReader {
  /** @returns The order, if it is the customer's. */
  find(customerId: string, orderId: string): Promise<KnownOrder | undefined>;
  /** @returns The customer's orders, newest first, those with ids below `before` if given. */
  list(customerId: string, page: Page): Promise<readonly KnownOrder[]>;
}

/** Both sources are asked with the owner in the query; either may know an order first. */
export function orderReader(requests: Requests, models: ReadModels): OrderReader {
  return {
    find: async (customerId, orderId) => {
      // At the same time: the row is of use to nobody until it is proven whose order it is.
      const [accepted, [row]] = await Promise.all([
        requests.findOrder(customerId, orderId),
        models.loadOrders([orderId]),
      ]);
      // The row itself may not know yet whose it is (an event of the saga can come first).
      if (accepted !== undefined) return { orderId, accepted, read: row };
      if (row === undefined) return undefined;
      const read = await models.findOrder(customerId, orderId);
      return read === undefined ? undefined : { orderId, read };
    },
    list: async (customerId, page) => {
      const [accepted, reads] = await Promise.all([
        requests.listOrders(customerId, page),
        models.listOrders(customerId, page),
      ]);
      const acceptedById = new Map(accepted.map((order) => [order.orderId, order]));
      const readById = new Map(reads.map((read) => [read.key, read]));
      const ids = [...new Set([...acceptedById.keys(), ...readById.keys()])].sort().reverse().slice(0, page.limit);
      return ids.map((orderId) => ({
        orderId,
        accepted: acceptedById.get(orderId),
        read: readById.get(orderId),
      }));
    },
  };
}
