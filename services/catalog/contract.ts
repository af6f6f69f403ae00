/**
 * What one may ask of the catalog, and what the catalog tells everyone.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

const Sku = z.string().regex(/^[A-Z]{3}-\d{4}$/);

/** Text for people. A lone surrogate cannot be signed, so it is refused here. */
const text = (charsMax: number) =>
  z.string().max(charsMax).refine((value) => value.isWellFormed(), "must be well-formed Unicode");

/** Everything that is published about a product. The price is in minor units of `currency` (ISO 4217). */
const Product = z.object({
  sku: Sku,
  name: text(120).min(1),
  description: text(2_000),
  /** Up to eight digits: what a payment provider can still charge. */
  priceMinor: z.int().min(1).max(99_999_999),
  currency: z.string().regex(/^[A-Z]{3}$/),
  /** False takes it out of the shop for a while; retiring is for good. */
  isListed: z.boolean(),
});

/** Asks for a product to be created, or replaced as a whole. Answered by `ProductPut` or `ProductRefused`. */
export const PutProduct = defineCommand("catalog.put-product", {
  version: 1,
  schema: Product,
  key: ({ sku }) => sku,
});

/** Asks for a product to leave the shop for good. Answered by `ProductRetired` or `ProductRefused`. */
export const RetireProduct = defineCommand("catalog.retire-product", {
  version: 1,
  schema: z.object({ sku: Sku }),
  key: ({ sku }) => sku,
});

/** The product is as stated here, in full. Its event id is what an order names as the source of a price. */
export const ProductPut = defineEvent("catalog.product-put", {
  version: 1,
  schema: Product,
  key: ({ sku }) => sku,
});

/** The product has left the shop; its SKU is never used again. */
export const ProductRetired = defineEvent("catalog.product-retired", {
  version: 1,
  schema: z.object({ sku: Sku }),
  key: ({ sku }) => sku,
});

/**
 * Nothing has changed: the SKU is retired (`retired`), or there was never such a product to retire (`not-found`).
 */
export const ProductRefused = defineEvent("catalog.product-refused", {
  version: 1,
  schema: z.object({ sku: Sku, reason: z.enum(["retired", "not-found"]) }),
  key: ({ sku }) => sku,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [PutProduct, RetireProduct, ProductPut, ProductRetired, ProductRefused];
