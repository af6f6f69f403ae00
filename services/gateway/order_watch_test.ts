import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { silentLog } from "@mesh/runtime";
import { allEveryMs, OrderWatch, pollMs } from "./order_watch.ts";
import type { OrderRow } from "./projections/order_row.ts";
import { orders, streamsOf } from "./projections/orders.ts";
import type { Read } from "./read_models.ts";

/** A watch over orders that tests change by hand, with all that it reads. */
function open() {
  const clock = new ManualClock();
  const stopping = new AbortController();
  const positions = new Map<string, number>();
  const reads: (readonly string[])[] = [];
  const read = (orderId: string): Read<OrderRow> => ({
    key: orderId,
    row: orders.initialRow(orderId),
    seen: { [streamsOf(orderId).orders]: positions.get(orderId) ?? 0 },
  });
  const loadOrders = (orderIds: readonly string[]) => {
    reads.push(orderIds);
    return Promise.resolve(orderIds.map(read));
  };
  const watch = new OrderWatch({ models: { loadOrders }, clock, log: silentLog });
  const running = watch.run(stopping.signal);
  return {
    clock,
    watch,
    reads,
    change: (orderId: string) => positions.set(orderId, (positions.get(orderId) ?? 0) + 1),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
    },
  };
}

Deno.test("OrderWatch reads the orders that have changed and no others", async () => {
  await using shop = open();
  const { watch, reads, clock, change } = shop;
  using _first = watch.open("a", "0.0.0");
  using second = watch.open("b", "0.0.0");
  await clock.advance(0);
  assertEquals(reads.splice(0).flat(), ["a", "b"]);
  change("b");
  watch.wake(["b", "nobody's"]);
  watch.wake(["nobody's"]);
  const news = await second.next(1_000, new AbortController().signal);
  assertEquals([news?.key, reads], ["b", [["b"]]]);
});

Deno.test("OrderWatch reads all orders for changes of unknown orders, now and then however often they come", async () => {
  await using shop = open();
  const { watch, reads, clock } = shop;
  using _first = watch.open("a", "0.0.0");
  using _second = watch.open("b", "0.0.0");
  await clock.advance(0);
  reads.splice(0);
  for (let count = 0; count < 10 * allEveryMs; count += 1) {
    watch.wake();
    await clock.advance(1);
  }
  assertEquals(reads, Array(10).fill(["a", "b"]));
});

Deno.test("OrderWatch polls while somebody watches, and reads nothing while nobody does", async () => {
  await using shop = open();
  const { watch, reads, clock } = shop;
  watch.wake();
  await clock.advance(3 * pollMs);
  assertEquals(reads, []);
  const watcher = watch.open("a", "0.0.0");
  await clock.advance(0);
  await clock.advance(3 * pollMs);
  assertEquals(reads, Array(4).fill(["a"]));
  watcher[Symbol.dispose]();
  watch.wake(["a"]);
  await clock.advance(3 * pollMs);
  assertEquals([reads.length, watch.count], [4, 0]);
});

Deno.test("OrderWatch ends every wait when it ends, when the reader goes, and when nothing has changed", async () => {
  const stopping = new AbortController();
  const shop = open();
  using watcher = shop.watch.open("a", "0.0.0");
  await shop.clock.advance(0);
  const quiet = watcher.next(500, stopping.signal);
  await shop.clock.advance(500);
  assertEquals(await quiet, undefined);
  const left = watcher.next(500, stopping.signal);
  stopping.abort();
  assertEquals(await left, undefined);
  const closed = watcher.next(500, new AbortController().signal);
  await shop[Symbol.asyncDispose]();
  assertEquals([await closed, shop.watch.isClosed], [undefined, true]);
});
