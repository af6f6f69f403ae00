/**
 * One product. What it is called and costs is for readers of its events; its decisions need to know only whether it is
 * still ours to change.
 *
 * @module
 */
import { defineActor } from "@mesh/actor";
import { ProductPut, ProductRefused, ProductRetired, PutProduct, RetireProduct } from "./contract.ts";

/** What a product's decisions depend on. */
export interface ProductState {
  readonly status: "none" | "current" | "retired";
}

/** One product: put as often as wanted, retired once and for good. */
export const catalog = defineActor({
  name: "catalog",
  accepts: { PutProduct, RetireProduct },
  records: { ProductPut, ProductRetired, ProductRefused },
  initialState: (): ProductState => ({ status: "none" }),

  decide: {
    PutProduct: ({ status }, product) =>
      status === "retired" ? ProductRefused({ sku: product.sku, reason: "retired" }) : ProductPut(product),
    RetireProduct: ({ status }, { sku }) => {
      if (status === "current") return ProductRetired({ sku });
      return ProductRefused({ sku, reason: status === "none" ? "not-found" : "retired" });
    },
  },

  evolve: {
    ProductPut: () => ({ status: "current" }),
    ProductRetired: () => ({ status: "retired" }),
    ProductRefused: (state) => state,
  },
});
