/**
 * What the gateway says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import * as catalog from "@shop/catalog";
import * as inventory from "@shop/inventory";
import * as orchestrator from "@shop/orchestrator";
import * as orders from "@shop/orders";
import * as shipping from "@shop/shipping";
import { gatewayVariables } from "./config.ts";
import { eventsAmong } from "./projections/events_among.ts";

/** Everything that the streams behind the read models may say. */
const projected = eventsAmong([
  ...catalog.contracts,
  ...orders.contracts,
  ...orchestrator.contracts,
  ...shipping.contracts,
]);

/** Heard only for what they answer: a count that nobody answers would be sent again for 30 days. */
const answers = [inventory.StockCounted, inventory.CountRefused];

export const service = defineService({
  name: "gateway",
  purpose: "HTTP storefront: accepted requests and read models",
  accepts: [],
  publishes: [],
  sends: [orders.PlaceOrder, orders.CancelOrder, catalog.PutProduct, catalog.RetireProduct, inventory.CountStock],
  // By key: the last part of every source's key is the row's own key, so all sources of a row share a partition.
  subscribes: [...projected, ...answers].map((event) => ({ event, by: "key" as const })),
  calls: ["users", "audit"],
  variables: gatewayVariables,
  internalPort: 9100,
  publicPort: 8080,
});
