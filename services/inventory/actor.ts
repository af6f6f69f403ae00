/**
 * One stock-keeping unit in one warehouse: it holds units for orders, gives them back, and lets them go.
 *
 * @module
 */
import { defineActor } from "@mesh/actor";
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
import { findUnitsHeld, type Holds, withHold, withoutHold } from "./holds.ts";

/**
 * The books of one SKU.
 *
 * Bounded however many orders pass through: a hold is forgotten when it ends. A reservation that arrives after its own
 * undo never gets here, because the undo wrote it into the inbox.
 */
export interface StockState {
  /** Null until the first count. */
  readonly warehouse: string | null;
  /** On the shelf, held units included. `unitsOnHand + unitsShipped` is the sum of all adjustments. */
  readonly unitsOnHand: number;
  /** Sum over `holds`. Above `unitsOnHand` only when a count found fewer units than were held. */
  readonly unitsHeld: number;
  readonly unitsShipped: number;
  readonly holds: Holds;
  readonly lastCountId: string | null;
}

/** Orders that may hold one SKU at once; a bound on the state, about 600 KiB as a snapshot. */
const holdsMax = 10_000;

/** One SKU. It promises no unit that is not free, so that it cannot be oversold. */
export const inventory = defineActor({
  name: "inventory",
  accepts: { CountStock, ReserveStock, ReleaseStock, ShipOut },
  records: { StockCounted, CountRefused, StockReserved, StockRefused, StockReleased, StockShippedOut },
  initialState: (): StockState => ({
    warehouse: null,
    unitsOnHand: 0,
    unitsHeld: 0,
    unitsShipped: 0,
    holds: [],
    lastCountId: null,
  }),

  decide: {
    CountStock: (stock, { sku, warehouse, unitsOnHand, countId }) => {
      const isRepeat = stock.lastCountId === countId;
      const isElsewhere = stock.warehouse !== null && stock.warehouse !== warehouse;
      if (isElsewhere && !isRepeat && (stock.unitsOnHand > 0 || stock.unitsHeld > 0)) {
        return CountRefused({ sku, warehouse, countId, reason: "other-warehouse" });
      }
      const counted = isRepeat ? stock : { ...stock, warehouse, unitsOnHand };
      return StockCounted({
        sku,
        warehouse: counted.warehouse ?? warehouse,
        countId,
        unitsOnHand: counted.unitsOnHand,
        unitsHeld: counted.unitsHeld,
        unitsFree: unitsFreeOf(counted),
        shortfallUnits: Math.max(0, counted.unitsHeld - counted.unitsOnHand),
        adjustmentUnits: counted.unitsOnHand - stock.unitsOnHand,
        isRepeat,
      });
    },

    ReserveStock: (stock, { orderId, sku, units }) => {
      const unitsFree = unitsFreeOf(stock);
      const unitsHeld = findUnitsHeld(stock.holds, orderId);
      const refuse = (reason: "too-few-free" | "too-many-holds" | "already-held") =>
        StockRefused({ orderId, sku, units, reason, unitsFree });
      const { warehouse } = stock;
      if (unitsHeld !== undefined && unitsHeld !== units) return refuse("already-held");
      if (unitsHeld === undefined && units > unitsFree) return refuse("too-few-free");
      if (unitsHeld === undefined && stock.holds.length >= holdsMax) return refuse("too-many-holds");
      // Units are held or free only after a count, which names the warehouse.
      if (warehouse === null) return refuse("too-few-free");
      return StockReserved({
        orderId,
        sku,
        units,
        warehouse,
        unitsFree: unitsFree - (unitsHeld === undefined ? units : 0),
      });
    },

    ReleaseStock: (stock, { orderId, sku }) => {
      const units = findUnitsHeld(stock.holds, orderId) ?? 0;
      const unitsFree = unitsFreeOf({ ...stock, unitsHeld: stock.unitsHeld - units });
      return StockReleased({ orderId, sku, units, unitsFree });
    },

    ShipOut: (stock, { orderId, sku }) => {
      const unitsHeld = findUnitsHeld(stock.holds, orderId) ?? 0;
      const units = Math.min(unitsHeld, stock.unitsOnHand);
      const unitsFree = unitsFreeOf({
        unitsOnHand: stock.unitsOnHand - units,
        unitsHeld: stock.unitsHeld - unitsHeld,
      });
      return StockShippedOut({ orderId, sku, units, shortfallUnits: unitsHeld - units, unitsFree });
    },
  },

  evolve: {
    StockCounted: (stock, { warehouse, unitsOnHand, countId }) => ({
      ...stock,
      warehouse,
      unitsOnHand,
      lastCountId: countId,
    }),
    CountRefused: (stock) => stock,
    StockReserved: (stock, { orderId, units }) => ({
      ...stock,
      unitsHeld: stock.unitsHeld - (findUnitsHeld(stock.holds, orderId) ?? 0) + units,
      holds: withHold(stock.holds, { orderId, units }),
    }),
    StockRefused: (stock) => stock,
    StockReleased: (stock, { orderId }) => withoutOrder(stock, orderId),
    StockShippedOut: (stock, { orderId, units }) => ({
      ...withoutOrder(stock, orderId),
      unitsOnHand: stock.unitsOnHand - units,
      unitsShipped: stock.unitsShipped + units,
    }),
  },
});

/** What may be promised; 0 when a count found fewer units than are held. */
function unitsFreeOf({ unitsOnHand, unitsHeld }: Pick<StockState, "unitsOnHand" | "unitsHeld">): number {
  return Math.max(0, unitsOnHand - unitsHeld);
}

function withoutOrder(stock: StockState, orderId: string): StockState {
  return {
    ...stock,
    unitsHeld: stock.unitsHeld - (findUnitsHeld(stock.holds, orderId) ?? 0),
    holds: withoutHold(stock.holds, orderId),
  };
}
