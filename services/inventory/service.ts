/**
 * What inventory says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import {
  CountRefused,
  CountStock,
  ReleaseStock,
  ReserveStock,
  ShipOut,
  StockCounted,
  StockRefused,
  StockReleased,
  StockReserved,
  StockShippedOut,
} from "./contract.ts";

export const service = defineService({
  name: "inventory",
  purpose: "stock per SKU: count, reserve, release, ship out",
  accepts: [CountStock, ReserveStock, ReleaseStock, ShipOut],
  publishes: [StockCounted, CountRefused, StockReserved, StockRefused, StockReleased, StockShippedOut],
  sends: [],
  subscribes: [],
  calls: [],
  internalPort: 9104,
});
