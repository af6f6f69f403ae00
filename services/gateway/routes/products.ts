import { z } from "@hono/zod-openapi";
import { describeRoute } from "../described_route.ts";
import { answerWithEtag } from "../etag.ts";
import { decodeCursor, encodeCursor, nextLink } from "../cursor.ts";
import { invertedSku, type ProductRow } from "../projections/products.ts";
import { notFound } from "../refusal.ts";
import type { ReadModels } from "../read_models.ts";
import type { RouteTable } from "../route_table.ts";
import { Cursor, Limit, Sku } from "../schemas.ts";

const ProductDocument = z.object({
  sku: z.string(),
  name: z.string(),
  description: z.string(),
  priceMinor: z.int().openapi({ description: "In minor units of the currency" }),
  currency: z.string(),
  priceEventId: z.uuid().openapi({ description: "Names this price: an order may insist on it" }),
  links: z.object({ self: z.string() }),
}).openapi("Product");

const listProducts = describeRoute({
  method: "get",
  path: "/v1/products",
  scope: "public",
  tag: "Products",
  summary: "Lists the products on sale, by SKU",
  request: { query: z.strictObject({ cursor: Cursor.optional(), limit: Limit }) },
  answers: {
    200: {
      description: "One page",
      schema: z.object({ items: z.array(ProductDocument), nextCursor: z.string().optional() }),
      headers: { Link: "rel=next where there is more", ETag: "Changes with the page" },
    },
    304: { description: "As known" },
  },
});

const readProduct = describeRoute({
  method: "get",
  path: "/v1/products/{sku}",
  scope: "public",
  tag: "Products",
  summary: "Shows a product on sale",
  request: { params: z.object({ sku: Sku }) },
  answers: {
    200: { description: "The product", schema: ProductDocument, headers: { ETag: "Changes with the product" } },
    304: { description: "As known" },
  },
});

/** Routes by which everybody sees what is on sale. */
export function addProductRoutes(table: RouteTable, models: ReadModels): void {
  table.add(listProducts, async (context) => {
    const { cursor, limit } = context.req.valid("query");
    const before = cursor === undefined ? undefined : invertedSku(decodeCursor(cursor, "products", Sku));
    const rows = await models.listProducts({ limit: limit + 1, ...(before === undefined ? {} : { before }) });
    const items = rows.slice(0, limit).map(({ row }) => productDocument(row));
    const last = items.at(-1);
    const nextCursor = rows.length > limit && last !== undefined ? encodeCursor("products", last.sku) : undefined;
    if (nextCursor === undefined) return answerWithEtag(context, { items });
    return answerWithEtag(context, { items, nextCursor }, { link: nextLink(context.req.url, nextCursor) });
  });

  table.add(readProduct, async (context) => {
    const [found] = await models.loadProducts([context.req.valid("param").sku]);
    if (found?.row.status !== "listed") throw notFound();
    return answerWithEtag(context, productDocument(found.row));
  });
}

/** Fields by name: what is added to the row later stays inside. */
function productDocument({ sku, name, description, priceMinor, currency, priceEventId }: ProductRow) {
  return {
    sku,
    name,
    description,
    priceMinor,
    currency,
    priceEventId,
    links: { self: `/v1/products/${sku}` },
  } satisfies z.output<typeof ProductDocument>;
}
