/**
 * One order: placed or refused, then ended once. What happens in between is the saga's.
 *
 * @module
 */
import { type DataOf } from "@mesh/contract";
import { defineActor } from "@mesh/actor";
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
import { hasDuplicateSku, isChargeable, totalMinorOf } from "./total.ts";

/** What an order's decisions depend on; its lines are for readers of `OrderPlaced`. */
export type OrderState =
  | { readonly phase: "none" }
  | { readonly phase: "refused" | "confirmed"; readonly customerId: string }
  | {
    readonly phase: "placed";
    readonly customerId: string;
    /** Whether the customer wants it cancelled, and whether the saga has already said no. */
    readonly cancellation: "none" | "requested" | "refused";
  }
  | {
    readonly phase: "rejected";
    readonly customerId: string;
    readonly reason: DataOf<typeof OrderRejected>["reason"];
    readonly failedStep: string;
  };

/** The order that a command is about, and who the command says has placed it. */
type OrderRef = DataOf<typeof ConfirmOrder>;

/** One order. A command that meets an order already ended is answered with how it ended, marked as a repeat. */
export const orders = defineActor({
  name: "orders",
  accepts: { PlaceOrder, ConfirmOrder, RejectOrder, CancelOrder, RefuseCancellation },
  records: { OrderPlaced, OrderRefused, OrderConfirmed, OrderRejected, CancellationRequested, CancellationRefused },
  initialState: (): OrderState => ({ phase: "none" }),

  decide: {
    PlaceOrder: (order, purchase) => {
      if (order.phase !== "none") {
        const reason = order.phase === "refused" ? "already-refused" : "already-placed";
        return OrderRefused({ ...refOf(purchase), reason, isRepeat: true });
      }
      if (hasDuplicateSku(purchase.lines)) return OrderRefused({ ...refOf(purchase), reason: "duplicate-lines" });
      const totalMinor = totalMinorOf(purchase.lines);
      return isChargeable(totalMinor)
        ? OrderPlaced({ ...purchase, totalMinor })
        : OrderRefused({ ...refOf(purchase), reason: "total-out-of-range" });
    },

    ConfirmOrder: (order, ref) =>
      order.phase === "placed"
        ? OrderConfirmed({ orderId: ref.orderId, customerId: order.customerId })
        : standing(order, ref),

    RejectOrder: (order, rejection) =>
      order.phase === "placed"
        ? OrderRejected({ ...rejection, customerId: order.customerId })
        : standing(order, rejection),

    CancelOrder: (order, ref) => {
      const refuse = (reason: DataOf<typeof CancellationRefused>["reason"]) => CancellationRefused({ ...ref, reason });
      if (order.phase === "none" || order.customerId !== ref.customerId) return refuse("not-found");
      if (order.phase !== "placed") return refuse(`already-${order.phase}`);
      if (order.cancellation === "refused") return refuse("too-late");
      return CancellationRequested({ ...ref, isRepeat: order.cancellation === "requested" });
    },

    RefuseCancellation: (order, ref) => {
      if (order.phase === "none") return CancellationRefused({ ...ref, reason: "not-found" });
      // A confirmed order passed the point of no return before: "too late" stays the reason the customer is told.
      const isEnded = order.phase === "rejected" || order.phase === "refused";
      const reason = isEnded ? `already-${order.phase}` as const : "too-late";
      return CancellationRefused({ orderId: ref.orderId, customerId: order.customerId, reason });
    },
  },

  evolve: {
    OrderPlaced: (_order, { customerId }) => ({ phase: "placed", customerId, cancellation: "none" }),
    OrderRefused: (order, { customerId, isRepeat }) => isRepeat ? order : { phase: "refused", customerId },
    OrderConfirmed: (order, { customerId, isRepeat }) => isRepeat ? order : { phase: "confirmed", customerId },
    OrderRejected: (order, { customerId, reason, failedStep, isRepeat }) =>
      isRepeat ? order : { phase: "rejected", customerId, reason, failedStep },
    CancellationRequested: (order) => order.phase === "placed" ? { ...order, cancellation: "requested" } : order,
    CancellationRefused: (order, { reason }) =>
      order.phase === "placed" && reason === "too-late" ? { ...order, cancellation: "refused" } : order,
  },
});

/** Answers a command that came too late, or for no order, with how the order stands. */
function standing(order: Exclude<OrderState, { phase: "placed" }>, { orderId, customerId }: OrderRef) {
  switch (order.phase) {
    case "none":
      return OrderRefused({ orderId, customerId, reason: "not-found", isRepeat: true });
    case "refused":
      return OrderRefused({ orderId, customerId: order.customerId, reason: "already-refused", isRepeat: true });
    case "confirmed":
      return OrderConfirmed({ orderId, customerId: order.customerId, isRepeat: true });
    case "rejected": {
      const { customerId, reason, failedStep } = order;
      return OrderRejected({ orderId, customerId, reason, failedStep, isRepeat: true });
    }
  }
}

function refOf({ orderId, customerId }: OrderRef): OrderRef {
  return { orderId, customerId };
}
