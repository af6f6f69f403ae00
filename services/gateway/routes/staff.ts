import { z } from "@hono/zod-openapi";
import type { AnyCommand } from "@mesh/contract";
import { PutProduct, RetireProduct } from "@shop/catalog";
import { CountStock } from "@shop/inventory";
import { describeRoute, jsonBody } from "../described_route.ts";
import type { GatewayContext } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { answerOnce, requestRefOf } from "../idempotency.ts";
import type { RouteTable } from "../route_table.ts";
import { CommandAccepted, Sku, text, WriteHeaders } from "../schemas.ts";
import { sendCommand } from "../send_command.ts";

const ofProduct = { params: z.object({ sku: Sku }), headers: WriteHeaders };
const accepted = { 202: { description: "Taken; it is done shortly", schema: CommandAccepted } };

const putProduct = describeRoute({
  method: "put",
  path: "/v1/staff/products/{sku}",
  scope: "staff",
  tag: "Staff",
  summary: "Creates a product, or replaces it as a whole",
  description: "A product that was retired stays so.",
  request: {
    ...ofProduct,
    body: jsonBody(
      z.strictObject({
        name: text(120).min(1),
        description: text(2_000),
        priceMinor: z.int().min(1).max(99_999_999),
        currency: z.string().regex(/^[A-Z]{3}$/),
        isListed: z.boolean(),
      }).openapi("NewProduct"),
    ),
  },
  answers: accepted,
  problems: [409, 422],
});

const retireProduct = describeRoute({
  method: "delete",
  path: "/v1/staff/products/{sku}",
  scope: "staff",
  tag: "Staff",
  summary: "Takes a product out of the shop for good",
  request: ofProduct,
  answers: accepted,
  problems: [409, 422],
});

const countStock = describeRoute({
  method: "post",
  path: "/v1/staff/products/{sku}/stock-counts",
  scope: "staff",
  tag: "Staff",
  summary: "Says what a stock-take found on the shelf",
  request: {
    ...ofProduct,
    body: jsonBody(
      z.strictObject({
        warehouse: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
        unitsOnHand: z.int().min(0).max(1_000_000).openapi({ description: "Units held for orders included" }),
      }).openapi("StockCount"),
    ),
  },
  answers: accepted,
  problems: [409, 422],
});

/** What the routes of staff need. */
export type StaffParts = Pick<GatewayParts, "requests" | "commands" | "ids">;

/** Routes by which staff keep products and stock. */
export function addStaffRoutes(table: RouteTable, parts: StaffParts): void {
  table.add(putProduct, (context) => {
    const { sku } = context.req.valid("param");
    const product = context.req.valid("json");
    return command(context, parts, product, () => PutProduct({ sku, ...product }));
  });

  table.add(retireProduct, (context) => {
    const { sku } = context.req.valid("param");
    return command(context, parts, {}, () => RetireProduct({ sku }));
  });

  table.add(countStock, (context) => {
    const { sku } = context.req.valid("param");
    const count = context.req.valid("json");
    // The count is known by its command: the same command again counts once.
    return command(context, parts, count, (countId) => CountStock({ sku, ...count, countId }));
  });
}

async function command(
  context: GatewayContext,
  parts: StaffParts,
  asked: unknown,
  make: (id: string) => AnyCommand,
): Promise<Response> {
  const { requests, ids } = parts;
  const request = requestRefOf(context, asked);
  return await answerOnce({ requests, request }, async () => {
    const id = ids.next();
    const answer = { status: 202, body: { commandId: id, status: "accepted" } };
    return await sendCommand(context, parts, { command: make(id), id, acceptance: { request, answer } });
  });
}
