/**
 * What the catalog says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import { ProductPut, ProductRefused, ProductRetired, PutProduct, RetireProduct } from "./contract.ts";

export const service = defineService({
  name: "catalog",
  purpose: "products and prices",
  accepts: [PutProduct, RetireProduct],
  publishes: [ProductPut, ProductRetired, ProductRefused],
  sends: [],
  subscribes: [],
  calls: [],
  internalPort: 9102,
});
