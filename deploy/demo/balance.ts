import type { EventClaims } from "./proven_event.ts";

/** What an order has left behind in stock and money. */
export interface Balance {
  /** Units that are held and neither shipped nor given back. */
  readonly unitsHeld: number;
  readonly unitsShipped: number;
  /** What the customer has paid, less what was paid back; in minor units. */
  readonly paidMinor: number;
  readonly captures: number;
}

/**
 * Adds up an order's events.
 *
 * @example A hold that was given back leaves nothing
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { balanceOf } from "./balance.ts";
 *
 * const held = { evt: "inventory.stock-reserved", dat: { units: 2 } };
 * const released = { evt: "inventory.stock-released", dat: { units: 2 } };
 * assertEquals(balanceOf([held, released]), { unitsHeld: 0, unitsShipped: 0, paidMinor: 0, captures: 0 });
 * ```
 */
export function balanceOf(events: readonly Pick<EventClaims, "evt" | "dat">[]): Balance {
  const of = (evt: string) => events.filter((event) => event.evt === evt && event.dat.isRepeat !== true);
  const sum = (evt: string, field: string) => of(evt).reduce((total, { dat }) => total + Number(dat[field] ?? 0), 0);
  const unitsShipped = sum("inventory.stock-shipped-out", "units");
  return {
    unitsHeld: sum("inventory.stock-reserved", "units") - sum("inventory.stock-released", "units") - unitsShipped,
    unitsShipped,
    paidMinor: sum("payments.payment-captured", "amountMinor") - sum("payments.payment-refunded", "amountMinor"),
    captures: of("payments.payment-captured").length,
  };
}
