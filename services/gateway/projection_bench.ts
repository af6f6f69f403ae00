/**
 * What the read model of orders costs by itself: eleven events of an order that completes, each applied to its row. A
 * whole rebuild with its feeds and rows is `rebuild_bench.ts`.
 *
 * `deno bench --allow-all services/gateway/projection_bench.ts`
 *
 * @module
 */
import type { ProjectedEvent } from "@mesh/runtime";
import { orders } from "./projections/orders.ts";
import { completingOrder } from "./samples_fixture.ts";

const orderId = "0198d6f0-0000-7000-8000-000000000001";
const { orders: ofOrders, saga, shipping } = completingOrder(orderId);
const events: readonly ProjectedEvent[] = [ofOrders[0]!, ...saga, ...shipping, ofOrders[1]!].map((told, at) => ({
  id: `0198d6f0-0000-7000-8000-${String(at).padStart(12, "0")}`,
  type: told.event.type,
  version: told.event.version,
  stream: told.stream,
  position: told.position,
  key: told.event.key,
  correlation: orderId,
  data: told.event.data,
  recordedAtMs: 1_767_225_600_000 + at,
}));

Deno.bench(`projection: ${events.length} events of an order`, () => {
  const key = orders.keyOf(events[0]!)!;
  let row = orders.initialRow(key);
  for (const event of events) row = orders.apply(row, event);
  orders.ownerOf(row);
  orders.sortOf(row, key);
});
