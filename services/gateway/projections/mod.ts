/**
 * The storefront's read models: what the gateway makes of other services' events.
 *
 * @module
 */
export { type OrderRow } from "./order_row.ts";
export { orders } from "./orders.ts";
export { products } from "./products.ts";
