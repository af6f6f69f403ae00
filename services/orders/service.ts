/**
 * What orders says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import {
  CancellationRefused,
  CancellationRequested,
  CancelOrder,
  ConfirmOrder,
  OrderConfirmed,
  OrderPlaced,
  OrderRefused,
  OrderRejected,
  PlaceOrder,
  RefuseCancellation,
  RejectOrder,
} from "./contract.ts";

export const service = defineService({
  name: "orders",
  purpose: "the order: placed, refused, confirmed, rejected, cancellation requested",
  accepts: [PlaceOrder, ConfirmOrder, RejectOrder, CancelOrder, RefuseCancellation],
  publishes: [OrderPlaced, OrderRefused, OrderConfirmed, OrderRejected, CancellationRequested, CancellationRefused],
  sends: [],
  subscribes: [],
  calls: [],
  internalPort: 9103,
});
