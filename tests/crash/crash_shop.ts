import { wanted } from "../chaos/ordeal.ts";
import { ordealOptions } from "../chaos/ordeal_options.ts";
import type { WantedOrder } from "../e2e/storefront/mod.ts";

/** How the shop of the matrix differs from that of the other crash tests. */
export const crashShop = {
  ...ordealOptions,
  settings: {
    ...ordealOptions.settings,
    // A turn's worth: what was under way when a process died is taken up one by one, and nobody waits here for the rest.
    prefetch: 64,
    // Payments that are never answered take a place each until they are given up.
    effectsPerDependencyMax: 24,
  },
  // 25 s: some orders are given up, so that timers fire.
  sagaLimits: { giveUpAfterMs: 25_000, attentionAfterMs: 110_000 },
};

/** As in the other crash tests, but one order in 24 waits for a card that never answers. */
export function orderIn(index: number): WantedOrder {
  return { ...wanted(index), ...(index % 24 === 12 ? { paymentMethod: "pm_card_slow" } : {}) };
}

/** Orders that the stream keeps in flight. */
export const inFlightTarget = 100;
