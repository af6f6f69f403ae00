import { z } from "@hono/zod-openapi";
import { decodeCursor, encodeCursor, nextLink } from "../cursor.ts";
import { describeRoute } from "../described_route.ts";
import { answerWithEtag } from "../etag.ts";
import { accountOf } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { OrderDocument, orderDocument } from "../order_document.ts";
import { notFound } from "../refusal.ts";
import type { RouteTable } from "../route_table.ts";
import { Cursor, Id, Limit } from "../schemas.ts";

const listOrders = describeRoute({
  method: "get",
  path: "/v1/orders",
  scope: "shop",
  tag: "Orders",
  summary: "Lists one's own orders, newest first",
  request: { query: z.strictObject({ cursor: Cursor.optional(), limit: Limit }) },
  answers: {
    200: {
      description: "One page",
      schema: z.object({ items: z.array(OrderDocument), nextCursor: z.string().optional() }),
      headers: { Link: "rel=next where there is more", ETag: "Changes with the page" },
    },
    304: { description: "As known" },
  },
});

const readOrder = describeRoute({
  method: "get",
  path: "/v1/orders/{orderId}",
  scope: "shop",
  tag: "Orders",
  summary: "Shows one of one's own orders",
  request: { params: z.object({ orderId: Id }) },
  answers: {
    200: { description: "The order", schema: OrderDocument, headers: { ETag: "Changes with the order" } },
    304: { description: "As known" },
  },
});

/** Routes by which customers see their orders. */
export function addOrderRoutes(table: RouteTable, { orders }: Pick<GatewayParts, "orders">): void {
  table.add(listOrders, async (context) => {
    const { cursor, limit } = context.req.valid("query");
    const before = cursor === undefined ? undefined : decodeCursor(cursor, "orders", Id);
    const found = await orders.list(accountOf(context).subject, {
      limit: limit + 1,
      ...(before === undefined ? {} : { before }),
    });
    const page = found.slice(0, limit);
    const items = page.flatMap((known) => orderDocument(known) ?? []);
    const last = page.at(-1);
    const nextCursor = found.length > limit && last !== undefined ? encodeCursor("orders", last.orderId) : undefined;
    if (nextCursor === undefined) return answerWithEtag(context, { items });
    return answerWithEtag(context, { items, nextCursor }, { link: nextLink(context.req.url, nextCursor) });
  });

  table.add(readOrder, async (context) => {
    const known = await orders.find(accountOf(context).subject, context.req.valid("param").orderId);
    const document = known === undefined ? undefined : orderDocument(known);
    if (document === undefined) throw notFound();
    return answerWithEtag(context, document);
  });
}
