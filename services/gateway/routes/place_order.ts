import { z } from "@hono/zod-openapi";
import { PlaceOrder } from "@shop/orders";
import { describeRoute, jsonBody } from "../described_route.ts";
import { accountOf } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { answerOnce, requestRefOf } from "../idempotency.ts";
import { type PricedOrder, priceOrder, type PricingRefusal, unitsMax } from "../price_order.ts";
import { type Fault, RefusalError } from "../refusal.ts";
import type { RouteTable } from "../route_table.ts";
import { Id, Sku, WriteHeaders } from "../schemas.ts";
import { sendCommand } from "../send_command.ts";

/** What a customer asks for. */
export const NewOrder = z.strictObject({
  lines: z.array(z.strictObject({
    sku: Sku,
    units: z.int().min(1).max(unitsMax),
    priceEventId: Id.optional().openapi({
      description: "Insists on this price; 422 if it is no longer the current one",
    }),
  })).min(1).max(100),
  addressRef: Id.openapi({ description: "One of the account's addresses" }),
  paymentMethod: z.string().regex(/^[A-Za-z][A-Za-z0-9_]{2,63}$/).openapi({
    description: "The payment provider's reference of a payment method; never a card number",
    example: "pm_card_visa",
  }),
}).openapi("NewOrder");

const placeOrder = describeRoute({
  method: "post",
  path: "/v1/orders",
  scope: "shop",
  tag: "Orders",
  summary: "Places an order",
  description: "202 means that the order is taken and will be answered: it ends as confirmed, rejected, cancelled or " +
    "refused. The prices are those shown at this moment.",
  request: { headers: WriteHeaders, body: jsonBody(NewOrder) },
  answers: {
    202: {
      description: "The order is taken",
      schema: z.object({ orderId: Id, status: z.literal("accepted") }).openapi("OrderAccepted"),
      headers: { Location: "The order" },
    },
  },
  problems: [409, 422],
});

/** What placing orders needs. */
export type PlaceOrderParts = Pick<GatewayParts, "requests" | "models" | "users" | "admission" | "commands" | "ids">;

/** The route by which customers order. */
export function addPlaceOrderRoute(table: RouteTable, parts: PlaceOrderParts): void {
  const { requests, admission, ids } = parts;
  table.add(placeOrder, async (context) => {
    const asked = context.req.valid("json");
    const { addressRef, paymentMethod } = asked;
    const customerId = accountOf(context).subject;
    const request = requestRefOf(context, asked);
    return await answerOnce({ requests, request }, async () => {
      await admission.admit();
      const [priced] = await Promise.all([price(parts, asked), assertOwnAddress(parts, customerId, addressRef)]);
      const orderId = ids.next();
      const order = { orderId, customerId, addressRef, ...priced };
      const { lines, currency } = priced;
      return await sendCommand(context, parts, {
        command: PlaceOrder({ orderId, customerId, addressRef, lines: [...lines], currency, paymentMethod }),
        id: ids.next(),
        correlation: orderId,
        acceptance: {
          request,
          order,
          answer: { status: 202, location: `/v1/orders/${orderId}`, body: { orderId, status: "accepted" } },
        },
      });
    });
  });
}

async function price(
  { models }: Pick<PlaceOrderParts, "models">,
  { lines }: z.output<typeof NewOrder>,
): Promise<PricedOrder> {
  const skus = [...new Set(lines.map(({ sku }) => sku))];
  const products = new Map((await models.loadProducts(skus)).map(({ key, row }) => [key, row]));
  const pricing = priceOrder(lines, products);
  if (pricing.outcome === "refused") throw cannotBeOrdered(pricing.type, pricing.faults);
  return pricing.order;
}

/** Goods go where the customer lives, and nobody learns from a parcel that a reference exists. */
async function assertOwnAddress(
  { requests, users }: Pick<PlaceOrderParts, "requests" | "users">,
  customerId: string,
  addressRef: string,
): Promise<void> {
  if (await requests.isAddressOf(customerId, addressRef)) return;
  // One that did not come through here, or through a database that was restored.
  const { items } = await users.listAddresses(customerId).catch((error) => {
    if (error instanceof RefusalError && error.problem.status === 404) {
      return { items: [] };
    }
    throw error;
  });
  const refs = items.map((address) => address.addressRef);
  if (!refs.includes(addressRef)) {
    throw cannotBeOrdered("address-unknown", [{
      pointer: "/addressRef",
      detail: "is none of the account's addresses",
    }]);
  }
  await requests.noteAddresses(customerId, refs);
}

const titles: Readonly<Record<PricingRefusal | "address-unknown", string>> = {
  "product-unavailable": "Something in the order is not on sale",
  "price-changed": "A price has changed since it was shown",
  "mixed-currencies": "An order has one currency",
  "too-many-units": "The order asks for too many units of a product",
  "total-out-of-range": "The order costs more than can be charged",
  "address-unknown": "The address is not known",
};

function cannotBeOrdered(type: PricingRefusal | "address-unknown", faults: readonly Fault[]): RefusalError {
  return new RefusalError({ status: 422, type, title: titles[type] }, { faults: faults.slice(0, 20) });
}
