/**
 * What it costs to read a message: JSON alone, and with its schema. The order has about 0.6 KB.
 *
 * `deno bench shared/contract/read_bench.ts`
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, parseData } from "./define.ts";

const Line = z.object({
  sku: z.string().regex(/^[A-Z]{3}-\d{4}$/),
  name: z.string().min(1).max(200),
  units: z.int().min(1).max(10_000),
  unitPriceMinor: z.int().min(1),
});
const PlaceOrder = defineCommand("orders.place-order", {
  version: 1,
  schema: z.object({
    orderId: z.uuid(),
    customerId: z.uuid(),
    addressRef: z.uuid(),
    currency: z.string().regex(/^[A-Z]{3}$/),
    totalMinor: z.int().min(1),
    lines: z.array(Line).min(1).max(100),
    note: z.string().max(1_000),
  }),
  key: ({ orderId }) => orderId,
});
const line = { sku: "KBD-0123", name: "Mechanical keyboard", units: 1, unitPriceMinor: 89_900 };
const order = {
  orderId: "0198d6f0-0000-7000-8000-000000000001",
  customerId: "0198d6f0-0000-7000-8000-000000000002",
  addressRef: "0198d6f0-0000-7000-8000-000000000003",
  currency: "EUR",
  totalMinor: 269_700,
  lines: [line, line, line],
  note: "Leave with the concierge if nobody answers the door.",
};
const bytes = new TextEncoder().encode(JSON.stringify(order));
const decoder = new TextDecoder();

Deno.bench("read: decode JSON alone", { group: "read", baseline: true }, () => {
  JSON.parse(decoder.decode(bytes));
});

Deno.bench("read: decode and validate", { group: "read" }, () => {
  parseData(PlaceOrder, JSON.parse(decoder.decode(bytes)));
});

Deno.bench("read: validate alone", { group: "read" }, () => {
  parseData(PlaceOrder, order);
});

Deno.bench("read: make a message of the contract", { group: "read" }, () => {
  PlaceOrder(order);
});
