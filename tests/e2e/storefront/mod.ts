/**
 * The shop as its customers and staff use it: over HTTP and by nothing else.
 *
 * @module
 */
export { parseSse, type SseEvent } from "./read_sse.ts";
export {
  type Answer,
  type Customer,
  type Login,
  logIn,
  newCustomer,
  type NewCustomerOptions,
  type RequestOptions,
  type SeenOrder,
  send,
  stock,
  type StockedProduct,
  type Visitor,
  type WantedLine,
  type WantedOrder,
} from "./storefront.ts";
