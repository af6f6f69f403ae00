/**
 * One order's shipment: asked for once, booked once.
 *
 * @module
 */
import { invariant } from "@mesh/base";
import { answering, unanswering } from "@mesh/contract";
import { defineActor } from "@mesh/actor";
import { ArrangeShipment, ShipmentArranged, ShipmentRefused, ShipmentRequested } from "./contract.ts";
import { BookShipment } from "./effects.ts";

/** Where a shipment stands. The address and the parcels are the carrier's business once it has been asked. */
export type ShipmentState =
  | { readonly phase: "none" }
  | {
    readonly phase: "booking";
    readonly orderId: string;
    /** Ids of the commands that the booking will answer. */
    readonly waiting: readonly string[];
  }
  | { readonly phase: "arranged"; readonly orderId: string; readonly trackingCode: string };

/** Commands that may wait for one booking; a sender that asks more often, each time under another id, has a bug. */
const waitingMax = 8;

/** One shipment. Whatever asks again gets the first booking as its answer. */
export const shipping = defineActor({
  name: "shipping",
  accepts: { ArrangeShipment },
  records: { ShipmentRequested, ShipmentArranged, ShipmentRefused },
  effects: { BookShipment },
  initialState: (): ShipmentState => ({ phase: "none" }),

  decide: {
    ArrangeShipment: (shipment, { orderId, addressRef, parcels }, { messageId }) => {
      if (shipment.phase === "arranged") {
        return ShipmentArranged({ orderId, trackingCode: shipment.trackingCode, isRepeat: true });
      }
      const requested = unanswering(ShipmentRequested({ orderId, commandId: messageId }));
      if (shipment.phase === "none") return [requested, BookShipment({ orderId, addressRef, parcels })];
      invariant(
        shipment.waiting.length < waitingMax,
        `Cannot arrange shipment of order "${orderId}": ${waitingMax} commands already wait for the booking`,
      );
      return requested;
    },
  },

  outcomes: {
    // An outcome that nobody waits for was recorded before.
    BookShipment: (shipment, outcome) => {
      if (shipment.phase !== "booking") return [];
      const { orderId, waiting } = shipment;
      return outcome.result === "booked"
        ? answering(waiting, ShipmentArranged({ orderId, trackingCode: outcome.trackingCode }))
        : answering(waiting, ShipmentRefused({ orderId, reason: outcome.reason }));
    },
  },

  evolve: {
    ShipmentRequested: (shipment, { orderId, commandId }) => {
      const waiting = shipment.phase === "booking" ? shipment.waiting : [];
      return { phase: "booking", orderId, waiting: [...waiting, commandId] };
    },
    ShipmentArranged: (_shipment, { orderId, trackingCode }) => ({ phase: "arranged", orderId, trackingCode }),
    // The next command asks the carrier anew: a refusal may be mended by hand.
    ShipmentRefused: () => ({ phase: "none" }),
  },
});
