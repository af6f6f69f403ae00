import type { DataOf } from "@mesh/contract";
import { defineProjection, type ProjectedEvent, type Projection } from "@mesh/runtime";
import { contracts as orchestratorContracts, SagaAdvanced, SagaOperated } from "@shop/orchestrator";
import {
  CancellationRefused,
  CancellationRequested,
  contracts as orderContracts,
  OrderConfirmed,
  OrderPlaced,
  OrderRefused,
  OrderRejected,
} from "@shop/orders";
import { contracts as shippingContracts, ShipmentArranged, ShipmentRefused, ShipmentRequested } from "@shop/shipping";
import { eventsAmong } from "./events_among.ts";
import { isEnded, type LogEntry, type OrderRow, type ProgressSource, withEntry } from "./order_row.ts";
import { sagaChange } from "./saga_change.ts";

/** Owner of rows of which nobody knows yet whose they are. */
export const nobody = "nobody";

/** Orders by id, with what their saga and their shipment have come to. */
export const orders: Projection<OrderRow> = defineProjection<OrderRow>({
  name: "orders",
  subscribes: eventsAmong([...orderContracts, ...orchestratorContracts, ...shippingContracts]),
  keyOf: ({ stream }) => orderIdOf(stream),
  initialRow: (orderId) => ({
    orderId,
    customerId: null,
    status: "unknown",
    reason: null,
    purchase: null,
    cancellation: "none",
    trackingCode: null,
    saga: null,
    log: [],
  }),
  apply: (row, event) => {
    switch (prefixOf(event.stream)?.[1]) {
      case "orders":
        return applyOrder(row, event);
      case "saga":
        return applySaga(row, event);
      case "shipping":
        return applyShipment(row, event);
      default:
        return row;
    }
  },
  ownerOf: ({ customerId }) => customerId ?? nobody,
  sortOf: (_row, orderId) => orderId,
});

/**
 * Names the streams of an order.
 *
 * @param orderId A UUID.
 */
export function streamsOf(orderId: string): Readonly<Record<ProgressSource, string>> {
  return {
    orders: `orders/${orderId}`,
    saga: `orchestrator/place-order/${orderId}`,
    shipping: `shipping/${orderId}`,
  };
}

/** Streams of other kinds (a service's own log, another saga) belong to no order. */
function orderIdOf(stream: string): string | undefined {
  const prefix = prefixOf(stream)?.[0];
  if (prefix === undefined) return undefined;
  const orderId = stream.slice(prefix.length);
  return idPattern.test(orderId) ? orderId : undefined;
}

function prefixOf(stream: string): typeof streamPrefixes[number] | undefined {
  return streamPrefixes.find(([prefix]) => stream.startsWith(prefix));
}

function applyOrder(row: OrderRow, event: ProjectedEvent): OrderRow {
  const noted = (outcome: string, change: Partial<OrderRow> = {}): OrderRow => ({
    ...row,
    ...change,
    log: withEntry(row.log, entryOf("orders", event, { step: "order", outcome })),
  });
  switch (event.type) {
    case OrderPlaced.type: {
      const { customerId, lines, totalMinor, currency, addressRef } = event.data as DataOf<typeof OrderPlaced>;
      return noted("placed", {
        status: "placed",
        customerId,
        purchase: { lines, totalMinor, currency, addressRef },
        cancellation: "none",
      });
    }
    case OrderRefused.type: {
      const { customerId, reason, isRepeat } = event.data as DataOf<typeof OrderRefused>;
      return isRepeat ? row : noted("refused", { status: "refused", customerId, reason });
    }
    case OrderConfirmed.type:
      return (event.data as DataOf<typeof OrderConfirmed>).isRepeat ? row : noted("confirmed", { status: "confirmed" });
    case OrderRejected.type: {
      const { reason, isRepeat } = event.data as DataOf<typeof OrderRejected>;
      if (isRepeat) return row;
      const status = reason === "cancelled" ? "cancelled" : "rejected";
      return noted(status, { status, reason });
    }
    case CancellationRequested.type:
      if ((event.data as DataOf<typeof CancellationRequested>).isRepeat) return row;
      return noted("cancellation-requested", { cancellation: "requested" });
    case CancellationRefused.type: {
      const { reason, customerId } = event.data as DataOf<typeof CancellationRefused>;
      // A refusal also answers strangers, and late repeats of an order that has ended.
      const isNews = reason === "too-late" && row.cancellation !== "refused" && customerId === row.customerId;
      return isNews && !isEnded(row.status) ? noted("cancellation-refused", { cancellation: "refused" }) : row;
    }
    default:
      return row;
  }
}

function applySaga(row: OrderRow, event: ProjectedEvent): OrderRow {
  if (event.type !== SagaAdvanced.type && event.type !== SagaOperated.type) return row;
  const turn = event.data as DataOf<typeof SagaAdvanced | typeof SagaOperated>;
  const change = sagaChange(row.saga, turn);
  const { phase, step, needsAttention } = turn;
  return {
    ...row,
    saga: { phase, step, needsAttention },
    log: change === undefined ? row.log : withEntry(row.log, entryOf("saga", event, change)),
  };
}

function applyShipment(row: OrderRow, event: ProjectedEvent): OrderRow {
  const noted = (outcome: string, change: Partial<OrderRow> = {}): OrderRow => ({
    ...row,
    ...change,
    log: withEntry(row.log, entryOf("shipping", event, { step: "shipment", outcome })),
  });
  switch (event.type) {
    case ShipmentRequested.type:
      return row.log.findLast(({ source }) => source === "shipping")?.outcome === "requested"
        ? row
        : noted("requested");
    case ShipmentArranged.type: {
      const { trackingCode, isRepeat } = event.data as DataOf<typeof ShipmentArranged>;
      return isRepeat ? row : noted("booked", { trackingCode });
    }
    case ShipmentRefused.type:
      return noted("refused");
    default:
      return row;
  }
}

function entryOf(
  source: ProgressSource,
  { position, recordedAtMs }: ProjectedEvent,
  what: Pick<LogEntry, "step" | "outcome" | "next">,
): LogEntry {
  return { source, no: position, atMs: recordedAtMs, ...what };
}

const streamPrefixes: readonly (readonly [prefix: string, source: ProgressSource])[] = [
  ["orders/", "orders"],
  ["orchestrator/place-order/", "saga"],
  ["shipping/", "shipping"],
];
const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
