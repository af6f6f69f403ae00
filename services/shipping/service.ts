/**
 * What shipping says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import { ArrangeShipment, ShipmentArranged, ShipmentRefused, ShipmentRequested } from "./contract.ts";

export const service = defineService({
  name: "shipping",
  purpose: "one shipment per order, booked with the carrier",
  accepts: [ArrangeShipment],
  publishes: [ShipmentRequested, ShipmentArranged, ShipmentRefused],
  sends: [],
  subscribes: [],
  calls: ["users"],
  commandsItself: true,
  external: [{ name: "carrier", urlVariable: "CARRIER_URL" }],
  internalPort: 9106,
});
