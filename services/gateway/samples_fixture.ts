import { ProductPut } from "@shop/catalog";
import { SagaAdvanced } from "@shop/orchestrator";
import { OrderConfirmed, OrderPlaced, OrderRejected } from "@shop/orders";
import { ShipmentArranged, ShipmentRequested } from "@shop/shipping";
import type { DataOf } from "@mesh/contract";
import { accounts, addresses, type GatewayFixture, type Told } from "./gateway_fixture.ts";
import { orders } from "./projections/orders.ts";
import { products } from "./projections/products.ts";

/** Ids of the events that the samples' prices come from. */
export const priceEvents = {
  tea: "0198d6f0-0000-7000-8000-0000000000c1",
  cup: "0198d6f0-0000-7000-8000-0000000000c2",
} as const;

const put = (sku: string, change: Partial<DataOf<typeof ProductPut>>) =>
  ProductPut({ sku, name: sku, description: "", priceMinor: 499, currency: "EUR", isListed: true, ...change });

/** Tea and a cup on sale, a pot that is not, and something in another currency. */
export const productEvents: readonly Told[] = [
  { event: put("TEA-0001", {}), stream: "catalog/TEA-0001", position: 1, id: priceEvents.tea },
  { event: put("CUP-0002", { priceMinor: 998 }), stream: "catalog/CUP-0002", position: 1, id: priceEvents.cup },
  { event: put("POT-0003", { isListed: false }), stream: "catalog/POT-0003", position: 1 },
  { event: put("WON-0004", { currency: "KRW" }), stream: "catalog/WON-0004", position: 1 },
];

/** What a customer asks for. */
export const newOrder = {
  lines: [{ sku: "TEA-0001", units: 2 }, { sku: "CUP-0002", units: 1 }],
  addressRef: addresses.mina,
  paymentMethod: "pm_card_visa",
} as const;

const turn = (change: Partial<DataOf<typeof SagaAdvanced>>, orderId: string) =>
  SagaAdvanced({
    saga: "place-order",
    version: 1,
    correlation: orderId,
    atMs: 0,
    input: { kind: "deadline" },
    asked: [],
    phase: "running",
    step: null,
    deadlineMs: null,
    needsAttention: false,
    ...change,
  });

/** Everything that is told about an order that completes, by stream. */
export function completingOrder(orderId: string, customerId: string = accounts.mina): {
  readonly orders: readonly Told[];
  readonly saga: readonly Told[];
  readonly shipping: readonly Told[];
} {
  const order = { orderId, customerId };
  const told = (stream: string, events: readonly Told["event"][]): readonly Told[] =>
    events.map((event, index) => ({ event, stream, position: index + 1, atMs: 1_000 * (index + 1) }));
  const lines = [{ sku: "TEA-0001", units: 2, unitPriceMinor: 499, priceEventId: priceEvents.tea }];
  return {
    orders: told(`orders/${orderId}`, [
      OrderPlaced({
        ...order,
        addressRef: addresses.mina,
        lines,
        currency: "EUR",
        paymentMethod: "pm_card_visa",
        totalMinor: 998,
      }),
      OrderConfirmed(order),
    ]),
    saga: told(`orchestrator/place-order/${orderId}`, [
      turn({ step: "reserveStock" }, orderId),
      turn({ step: "authorizePayment" }, orderId),
      turn({ step: "capturePayment" }, orderId),
      turn({ step: "arrangeShipment" }, orderId),
      turn({ step: "shipOut" }, orderId),
      turn({ phase: "completing" }, orderId),
      turn({ phase: "completed" }, orderId),
    ]),
    shipping: told(`shipping/${orderId}`, [
      ShipmentRequested({ orderId, commandId: orderId }),
      ShipmentArranged({ orderId, trackingCode: "KR-1" }),
    ]),
  };
}

/** Turns of a saga that could not hold the stock, and how the order ended. */
export function rejectedOrder(orderId: string, customerId: string = accounts.mina): readonly Told[] {
  const failure = { step: "reserveStock", reason: "refused" } as const;
  const { orders: [placed] } = completingOrder(orderId, customerId);
  return [
    placed!,
    { event: turn({ step: "reserveStock" }, orderId), stream: `orchestrator/place-order/${orderId}`, position: 1 },
    {
      event: turn({ phase: "turning-back", step: "reserveStock", failure }, orderId),
      stream: `orchestrator/place-order/${orderId}`,
      position: 2,
    },
    {
      event: turn({ phase: "rejecting", failure }, orderId),
      stream: `orchestrator/place-order/${orderId}`,
      position: 3,
    },
    {
      event: OrderRejected({ orderId, customerId, reason: "out-of-stock", failedStep: "reserveStock" }),
      stream: `orders/${orderId}`,
      position: 2,
    },
  ];
}

/** A gateway whose shop has products. */
export async function stock(gateway: GatewayFixture): Promise<GatewayFixture> {
  await gateway.tell(products, productEvents);
  return gateway;
}

/** Lets an order complete. */
export async function complete(gateway: GatewayFixture, orderId: string, customerId?: string): Promise<void> {
  const told = completingOrder(orderId, customerId);
  await gateway.tell(orders, [...told.orders.slice(0, 1), ...told.saga, ...told.shipping, ...told.orders.slice(1)]);
}
