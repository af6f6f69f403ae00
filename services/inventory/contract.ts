/**
 * What one may ask of inventory, and what inventory tells everyone.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

/** Lower case only: two spellings of one id would be two holds. */
const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");
const Sku = z.string().regex(/^[A-Z]{3}-\d{4}$/);
const Warehouse = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/);
const UnitsAsked = z.int().min(1).max(10_000);
const UnitsHeldOrNone = z.int().min(0).max(10_000);
const Units = z.int().min(0).max(1_000_000);

/** One order's share of one SKU. */
const Hold = z.object({ orderId: Id, sku: Sku });
const Count = z.object({ sku: Sku, warehouse: Warehouse, countId: Id });

/**
 * Says what a stock-take found on the shelf, units held for orders included.
 *
 * Answered by `StockCounted` or `CountRefused`. The latest `countId` again counts once.
 */
export const CountStock = defineCommand("inventory.count-stock", {
  version: 1,
  schema: Count.extend({ unitsOnHand: Units }),
  key: ({ sku }) => sku,
});

/** Asks for `units` to be held for one order. Answered by `StockReserved` or `StockRefused`. */
export const ReserveStock = defineCommand("inventory.reserve-stock", {
  version: 1,
  schema: Hold.extend({ units: UnitsAsked }),
  key: ({ sku }) => sku,
});

/** Gives back whatever is held for the order. Always answered by `StockReleased`, also when nothing was held. */
export const ReleaseStock = defineCommand("inventory.release-stock", {
  version: 1,
  schema: Hold,
  key: ({ sku }) => sku,
});

/** Says that the order's units leave the house. Always answered by `StockShippedOut`. */
export const ShipOut = defineCommand("inventory.ship-out", {
  version: 1,
  schema: Hold,
  key: ({ sku }) => sku,
});

/** The stock is as counted. `unitsFree` and `shortfallUnits` are never both above zero. */
export const StockCounted = defineEvent("inventory.stock-counted", {
  version: 1,
  schema: Count.extend({
    /** On the shelf, held units included. */
    unitsOnHand: Units,
    unitsHeld: Units,
    unitsFree: Units,
    /** Held for orders but not on the shelf: somebody has to be disappointed or supplied. */
    shortfallUnits: Units,
    /** By how much the count corrected the books; negative when units were missing. */
    adjustmentUnits: z.int().min(-1_000_000).max(1_000_000),
    /** True when this count was recorded before: the figures are today's, nothing has changed. */
    isRepeat: z.boolean().default(false),
  }),
  key: ({ sku }) => sku,
});

/** Nothing has changed: units are on the shelf or held at another warehouse, and a SKU lies in one only. */
export const CountRefused = defineEvent("inventory.count-refused", {
  version: 1,
  schema: Count.extend({ reason: z.enum(["other-warehouse"]) }),
  key: ({ sku }) => sku,
});

/** The units are held at `warehouse` until they ship or are released; no hold ends by itself. */
export const StockReserved = defineEvent("inventory.stock-reserved", {
  version: 1,
  schema: Hold.extend({ units: UnitsAsked, warehouse: Warehouse, unitsFree: Units }),
  key: ({ sku }) => sku,
});

/**
 * Nothing has changed. `too-few-free`: fewer units were free than asked for; `too-many-holds`: no more orders can wait
 * for this SKU at once; `already-held`: the order holds another number of units.
 */
export const StockRefused = defineEvent("inventory.stock-refused", {
  version: 1,
  schema: Hold.extend({
    units: UnitsAsked,
    reason: z.enum(["too-few-free", "too-many-holds", "already-held"]),
    unitsFree: Units,
  }),
  key: ({ sku }) => sku,
});

/** Nothing is held for the order any more. `units` is what was given back, 0 when nothing was held. */
export const StockReleased = defineEvent("inventory.stock-released", {
  version: 1,
  schema: Hold.extend({ units: UnitsHeldOrNone, unitsFree: Units }),
  key: ({ sku }) => sku,
});

/**
 * The hold has ended and its units have left the house. `units` is what left, 0 when nothing was held;
 * `shortfallUnits` is what was held but, by the last count, not there.
 */
export const StockShippedOut = defineEvent("inventory.stock-shipped-out", {
  version: 1,
  schema: Hold.extend({ units: UnitsHeldOrNone, shortfallUnits: UnitsHeldOrNone, unitsFree: Units }),
  key: ({ sku }) => sku,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [
  CountStock,
  ReserveStock,
  ReleaseStock,
  ShipOut,
  StockCounted,
  CountRefused,
  StockReserved,
  StockRefused,
  StockReleased,
  StockShippedOut,
];
