import type { ProjectionRow, Store } from "@mesh/store";
import { type Clock, invariant, LoadTogether } from "@mesh/base";
import type { OrderRow } from "./projections/order_row.ts";
import { orders } from "./projections/orders.ts";
import { type ProductRow, products } from "./projections/products.ts";

/** A row of a read model. */
export interface Read<Row> {
  readonly key: string;
  readonly row: Row;
  /** Last position by source stream. */
  readonly seen: Readonly<Record<string, number>>;
}

/** One page of a list. */
export interface Page {
  /** Rows below this sort key; from the top when absent. */
  readonly before?: string;
  readonly limit: number;
}

/** The part of the store that read models are read from. */
export type RowStore = Pick<Store, "loadRows" | "listRows" | "readGeneration">;

/** Reads the gateway's read models, always from the generation that counts. */
export interface ReadModels {
  /** @returns Those of the products that anything is known of, hidden ones included. */
  loadProducts(skus: readonly string[]): Promise<readonly Read<ProductRow>[]>;
  /** Products on sale by rising SKU; `before` is the sort key of the last one seen. */
  listProducts(page: Page): Promise<readonly (Read<ProductRow> & { readonly sort: string })[]>;
  /** @returns The order, if it is the customer's. */
  findOrder(customerId: string, orderId: string): Promise<Read<OrderRow> | undefined>;
  /** @returns The customer's orders, newest first, those with ids below `before` if given. */
  listOrders(customerId: string, page: Page): Promise<readonly Read<OrderRow>[]>;
  /** @returns Orders whosever they are; the caller has made sure who may see them. */
  loadOrders(orderIds: readonly string[]): Promise<readonly Read<OrderRow>[]>;
}

/** How long a generation is believed without another look, in milliseconds, as long as nothing is missing. */
const generationFreshMs = 1_000;

/** @param clock Says when to look for another generation. */
export function readModels(store: RowStore, clock: Pick<Clock, "monotonicMs">): ReadModels {
  const generations = new GenerationReader(store, clock);
  const load = <Row>(projection: string, keys: readonly string[]) =>
    generations.read(projection, (generation) => store.loadRows(projection, generation, keys), (rows) =>
      // Rows of an old generation vanish after a switch: what is missing may only have moved.
      rows.length === keys.length).then((rows) => new Map(rows.map((row) => [row.key, readFrom<Row>(row)])));
  const productsTogether = new LoadTogether((skus) => load<ProductRow>(products.name, skus));
  const ordersTogether = new LoadTogether((orderIds) => load<OrderRow>(orders.name, orderIds));
  const list = (projection: string, page: Page & { readonly owner: string }) =>
    generations.read(projection, (generation) => store.listRows({ projection, generation, ...page }), () => false);
  return {
    loadProducts: (skus) => productsTogether.findAll(skus),
    listProducts: async (page) => {
      const rows = await list(products.name, { ...page, owner: "" });
      return rows.map((row) => ({ ...readFrom<ProductRow>(row), sort: row.sort }));
    },
    findOrder: async (customerId, orderId) => {
      // The owner is part of the query; ids are all of one length, so this is the order itself or an older one.
      const [row] = await list(orders.name, { owner: customerId, before: `${orderId}!`, limit: 1 });
      return row?.key === orderId ? readFrom<OrderRow>(row) : undefined;
    },
    listOrders: async (customerId, page) => {
      const rows = await list(orders.name, { ...page, owner: customerId });
      return rows.map((row) => readFrom<OrderRow>(row));
    },
    loadOrders: (orderIds) => ordersTogether.findAll(orderIds),
  };
}

/** Keeps the generation in mind and notices when it is no longer the one to read. */
class GenerationReader {
  readonly #store: RowStore;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #known = new Map<string, { readonly generation: number; readonly atMs: number }>();

  constructor(store: RowStore, clock: Pick<Clock, "monotonicMs">) {
    this.#store = store;
    this.#clock = clock;
  }

  async read(
    projection: string,
    query: (generation: number) => Promise<readonly ProjectionRow[]>,
    isComplete: (rows: readonly ProjectionRow[]) => boolean,
  ): Promise<readonly ProjectionRow[]> {
    let generation = await this.#recent(projection);
    for (let attempt = 1;; attempt += 1) {
      const rows = await query(generation);
      if (isComplete(rows)) return rows;
      const current = await this.#look(projection);
      if (current === generation) return rows;
      invariant(attempt < 5, `Cannot read "${projection}": its generation changed ${attempt} times meanwhile`);
      generation = current;
    }
  }

  async #recent(projection: string): Promise<number> {
    const known = this.#known.get(projection);
    const isFresh = known !== undefined && this.#clock.monotonicMs() - known.atMs < generationFreshMs;
    return isFresh ? known.generation : await this.#look(projection);
  }

  async #look(projection: string): Promise<number> {
    const generation = await this.#store.readGeneration(projection);
    this.#known.set(projection, { generation, atMs: this.#clock.monotonicMs() });
    return generation;
  }
}

/** Rows were written by the projection of that name; nothing else writes them. */
function readFrom<Row>({ key, row, seen }: ProjectionRow): Read<Row> {
  return { key, row: row as Row, seen };
}
