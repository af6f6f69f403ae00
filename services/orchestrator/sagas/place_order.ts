/**
 * How a placed order becomes a confirmed or a rejected one.
 *
 * @module
 */
import { defineSaga, type Failure } from "@mesh/saga";
import type { DataOf } from "@mesh/contract";
import * as inventory from "@shop/inventory";
import * as orders from "@shop/orders";
import * as payments from "@shop/payments";
import * as shipping from "@shop/shipping";

/** Holds the stock, secures the money, takes it, ships. Once the money is taken there is no way back but forward. */
export const placeOrder = defineSaga("place-order", { version: 1, startedBy: orders.OrderPlaced })
  .step("reserveStock", {
    command: inventory.ReserveStock,
    send: ({ orderId, lines }) => lines.map(({ sku, units }) => inventory.ReserveStock({ orderId, sku, units })),
    succeedsOn: inventory.StockReserved,
    failsOn: inventory.StockRefused,
    compensate: {
      command: inventory.ReleaseStock,
      send: ({ orderId, sku }) => inventory.ReleaseStock({ orderId, sku }),
      succeedsOn: inventory.StockReleased,
    },
  })
  .step("authorizePayment", {
    command: payments.AuthorizePayment,
    send: ({ orderId, customerId, totalMinor, currency, paymentMethod }) =>
      payments.AuthorizePayment({ orderId, customerId, amountMinor: totalMinor, currency, paymentMethod }),
    succeedsOn: payments.PaymentAuthorized,
    failsOn: payments.PaymentDeclined,
    compensate: {
      command: payments.VoidPayment,
      send: ({ orderId }) => payments.VoidPayment({ orderId }),
      succeedsOn: payments.PaymentVoided,
    },
  })
  .pivot("capturePayment", {
    command: payments.CapturePayment,
    send: ({ orderId }) => payments.CapturePayment({ orderId }),
    succeedsOn: payments.PaymentCaptured,
    failsOn: payments.CaptureRefused,
  })
  .mustSucceed("arrangeShipment", {
    command: shipping.ArrangeShipment,
    send: ({ orderId, addressRef }, { reserveStock }) =>
      shipping.ArrangeShipment({
        orderId,
        addressRef,
        parcels: reserveStock.map(({ sku, units, warehouse }) => ({ sku, units, warehouse })),
      }),
    succeedsOn: shipping.ShipmentArranged,
    failsOn: shipping.ShipmentRefused,
  })
  .mustSucceed("shipOut", {
    command: inventory.ShipOut,
    send: ({ orderId, lines }) => lines.map(({ sku }) => inventory.ShipOut({ orderId, sku })),
    succeedsOn: inventory.StockShippedOut,
  })
  .cancelledBy(orders.CancellationRequested, {
    command: orders.RefuseCancellation,
    refuse: ({ orderId, customerId }) => orders.RefuseCancellation({ orderId, customerId }),
    succeedsOn: orders.CancellationRefused,
  })
  .ends({
    completed: {
      command: orders.ConfirmOrder,
      send: ({ orderId, customerId }) => orders.ConfirmOrder({ orderId, customerId }),
      succeedsOn: orders.OrderConfirmed,
    },
    rejected: {
      command: orders.RejectOrder,
      send: ({ orderId, customerId }, failure) =>
        orders.RejectOrder({ orderId, customerId, reason: rejectionReason(failure), failedStep: failure.step }),
      succeedsOn: orders.OrderRejected,
    },
  });

/** What the customer is told. Steps after the pivot are not listed: they cannot turn the order back. */
function rejectionReason({ step, reason }: Failure): DataOf<typeof orders.RejectOrder>["reason"] {
  if (reason === "cancelled") return "cancelled";
  switch (step) {
    case "reserveStock":
      return reason === "refused" ? "out-of-stock" : "stock-unknown";
    case "authorizePayment":
      return reason === "refused" ? "declined" : "payment-unknown";
    default:
      return "capture-refused";
  }
}
