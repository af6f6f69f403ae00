import { z } from "@hono/zod-openapi";
import { CancelOrder } from "@shop/orders";
import { describeRoute } from "../described_route.ts";
import { etagOf, matches } from "../etag.ts";
import { accountOf } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { answerOnce, requestRefOf } from "../idempotency.ts";
import { orderDocument } from "../order_document.ts";
import { isEnded } from "../projections/order_row.ts";
import { notFound, RefusalError } from "../refusal.ts";
import type { RouteTable } from "../route_table.ts";
import { CommandAccepted, Id, WriteHeaders } from "../schemas.ts";
import { sendCommand } from "../send_command.ts";

const cancelOrder = describeRoute({
  method: "post",
  path: "/v1/orders/{orderId}/cancellation",
  scope: "shop",
  tag: "Orders",
  summary: "Asks for an order to be cancelled",
  description:
    "Whether it still can be is decided by the order: it ends as `cancelled`, or the cancellation is refused.",
  request: {
    params: z.object({ orderId: Id }),
    headers: WriteHeaders.extend({
      "if-match": z.string().max(200).optional().openapi({ description: "ETag of the order as it was read" }),
    }),
  },
  answers: { 202: { description: "Asked", schema: CommandAccepted, headers: { Location: "The order" } } },
  problems: [400, 409, 412, 422],
});

/** What cancelling needs. */
export type CancelOrderParts = Pick<GatewayParts, "requests" | "orders" | "commands" | "ids">;

/** The route by which customers cancel. */
export function addCancelOrderRoute(table: RouteTable, parts: CancelOrderParts): void {
  const { requests, orders, ids } = parts;
  table.add(cancelOrder, async (context) => {
    const { orderId } = context.req.valid("param");
    const customerId = accountOf(context).subject;
    const request = requestRefOf(context, { orderId });
    return await answerOnce({ requests, request }, async () => {
      const known = await orders.find(customerId, orderId);
      const document = known === undefined ? undefined : orderDocument(known);
      if (document === undefined) throw notFound();
      const ifMatch = context.req.header("if-match");
      if (ifMatch !== undefined && !matches(ifMatch, etagOf(JSON.stringify(document)))) throw changed();
      if (isEnded(document.status)) throw ended(document.status);
      const id = ids.next();
      return await sendCommand(context, parts, {
        command: CancelOrder({ orderId, customerId }),
        id,
        correlation: orderId,
        acceptance: {
          request,
          answer: { status: 202, location: `/v1/orders/${orderId}`, body: { commandId: id, status: "accepted" } },
        },
      });
    });
  });
}

function changed(): RefusalError {
  return new RefusalError({ status: 412, type: "order-changed", title: "The order has changed since it was read" });
}

function ended(status: string): RefusalError {
  return new RefusalError({
    status: 409,
    type: "order-ended",
    title: "The order has ended",
    detail: `It is ${status}`,
  });
}
