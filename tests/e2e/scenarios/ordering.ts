import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { waitFor } from "../harness/mod.ts";
import type { SeenOrder } from "../storefront/mod.ts";
import type { Scenario, World } from "./world.ts";

/** Orders from request to end. */
export const ordering: readonly Scenario[] = [
  {
    name: "an order of several lines is taken, streamed to its end, shipped and announced by mail",
    run: async (world) => {
      await world.stock({ sku: "ORD-0001", units: 10, priceMinor: 1_200 });
      await world.stock({ sku: "ORD-0002", units: 10, priceMinor: 300 });
      const customer = await world.customer();

      const asked = await customer.ask({
        // The same product on two lines is one line of three.
        lines: [{ sku: "ORD-0001", units: 1 }, { sku: "ORD-0002", units: 4 }, { sku: "ORD-0001", units: 2 }],
      });
      const { orderId } = asked.body as { orderId: string };
      assertEquals([asked.status, asked.headers.get("location")], [202, `/v1/orders/${orderId}`]);

      const { status, events } = await customer.watch(orderId);
      const last = events.at(-1)!.data as unknown as SeenOrder;
      assertEquals([status, events[0]!.event, last.status, last.totalMinor], [200, "order", "confirmed", 4_800]);
      assertEquals(last.progress.filter(({ step }) => step === "order").map(({ outcome }) => outcome), [
        "placed",
        "confirmed",
      ]);
      const shipped = (await world.records.events("inventory", { correlation: orderId }))
        .filter(({ type }) => type === "inventory.stock-shipped-out")
        .map(({ data }) => `${data.units} ${data.sku}`);
      assertEquals(shipped.sort(), ["3 ORD-0001", "4 ORD-0002"]);
      await waitFor("the mail", async () => {
        const response = await fetch(`http://127.0.0.1:${world.shop.ports.mailPage}/mails?order=${orderId}`);
        const { mails } = await response.json() as { mails: readonly { noticeKind: string }[] };
        return mails.length === 1 && mails[0]!.noticeKind === "confirmed";
      });
    },
  },
  {
    name: "a stream that was cut goes on after the last event that the customer has seen, and ends with 204",
    run: async (world) => {
      await world.stock({ sku: "ORD-0003", units: 1 });
      const customer = await world.customer();
      const orderId = await customer.place({ lines: [{ sku: "ORD-0003", units: 1 }] });
      // The saga ends after the order, when it has heard of it.
      await waitFor("the end of the saga", async () => {
        const { progress } = await customer.see(orderId);
        return progress.some(({ step, outcome }) => step === "saga" && outcome === "completed");
      });
      // From nothing seen: every step, then the whole order.
      const { events } = await customer.watch(orderId, "0.0.0");
      assertEquals(events.map(({ event }) => event).lastIndexOf("progress"), events.length - 2);
      const resumed = await customer.watch(orderId, events[0]!.id);
      assertEquals(resumed.events, events.slice(1));
      assertEquals(await customer.watch(orderId, events.at(-1)!.id), { status: 204, events: [] });
      // What is unknown is answered with the whole order.
      assertEquals((await customer.watch(orderId, "from-somewhere-else")).events, [events.at(-1)]);
    },
  },
  {
    name: "an order that finds too few units is rejected, and what it held is free again",
    run: async (world) => {
      await world.stock({ sku: "ORD-0004", units: 2 });
      await world.stock({ sku: "ORD-0005", units: 1 });
      const customer = await world.customer();
      const lines = [{ sku: "ORD-0004", units: 2 }, { sku: "ORD-0005", units: 2 }];
      const order = await customer.untilEnded(await customer.place({ lines }));
      assertEquals([order.status, order.reason], ["rejected", "out-of-stock"]);
      const other = await customer.untilEnded(await customer.place({ lines: [{ sku: "ORD-0004", units: 2 }] }));
      assertEquals(other.status, "confirmed");
    },
  },
  {
    name: "an order whose card is declined is rejected, and leaves stock and money as they were",
    run: async (world) => {
      await world.stock({ sku: "ORD-0006", units: 1 });
      const customer = await world.customer();
      const lines = [{ sku: "ORD-0006", units: 1 }];
      for (
        const [paymentMethod, reason] of [
          ["pm_card_chargeDeclined", "declined"],
          ["pm_card_captureDeclined", "capture-refused"],
        ]
      ) {
        const order = await customer.untilEnded(await customer.place({ lines, paymentMethod: paymentMethod! }));
        assertEquals([order.status, order.reason], ["rejected", reason]);
      }
      assertEquals((await customer.untilEnded(await customer.place({ lines }))).status, "confirmed");
    },
  },
  {
    name: "an order is paid once though the provider's answers are lost or its requests doubled",
    run: async (world) => {
      await world.stock({ sku: "ORD-0007", units: 10 });
      const customer = await world.customer();
      const lines = [{ sku: "ORD-0007", units: 1 }];
      const cards = ["pm_card_lostAnswer", "pm_card_captureLostAnswer", "pm_card_visa", "pm_card_mastercard"];
      await world.misbehave("payment", { duplicateCount: 4, loseAnswerCount: 2 });
      const placed = await Promise.all(cards.map((paymentMethod) => customer.place({ lines, paymentMethod })));
      const orders = await Promise.all(placed.map((orderId) => customer.untilEnded(orderId)));
      await world.misbehave("payment", {});
      assertEquals(orders.map(({ status }) => status), cards.map(() => "confirmed"));
      const captures = await Promise.all(placed.map((orderId) => capturesOf(world, orderId)));
      assertEquals(captures, cards.map(() => 1));
    },
  },
  {
    name: "an order that the provider never answers is given up, and nothing stays held",
    run: async (world) => {
      await world.stock({ sku: "ORD-0008", units: 1 });
      const customer = await world.customer();
      const lines = [{ sku: "ORD-0008", units: 1 }];
      const orderId = await customer.place({ lines, paymentMethod: "pm_card_slow" });
      const order = await customer.untilEnded(orderId);
      assertEquals([order.status, order.reason], ["rejected", "payment-unknown"]);
      assertEquals((await customer.untilEnded(await customer.place({ lines }))).status, "confirmed");
      assertEquals(await capturesOf(world, orderId), 0);
    },
  },
  {
    name: "an order that is cancelled before it is paid ends as cancelled, and nothing stays held",
    run: async (world) => {
      await world.stock({ sku: "ORD-0009", units: 1 });
      const customer = await world.customer();
      const lines = [{ sku: "ORD-0009", units: 1 }];
      const orderId = await customer.place({ lines, paymentMethod: "pm_card_slow" });
      await untilStep(world, orderId, "authorizePayment");
      assertEquals((await customer.cancel(orderId)).status, 202);
      const order = await customer.untilEnded(orderId);
      assertEquals([order.status, order.cancellation], ["cancelled", "requested"]);
      assertEquals((await customer.untilEnded(await customer.place({ lines }))).status, "confirmed");
      assertEquals((await customer.cancel(orderId)).status, 409);
    },
  },
  {
    name: "a cancellation that comes after the payment is refused, and the order goes on",
    run: async (world) => {
      await world.stock({ sku: "ORD-0010", units: 1 });
      const customer = await world.customer();
      await world.misbehave("carrier", { failRate: 1 });
      const orderId = await customer.place({ lines: [{ sku: "ORD-0010", units: 1 }] });
      await untilStep(world, orderId, "arrangeShipment");
      assertEquals((await customer.cancel(orderId)).status, 202);
      const refused = await waitFor("the refusal of the cancellation", async () => {
        const order = await customer.see(orderId);
        return order.cancellation === "refused" && order;
      });
      assertEquals(refused.status, "placed");
      await world.misbehave("carrier", {});
      assertEquals((await customer.untilEnded(orderId)).status, "confirmed");
      assert((await customer.see(orderId)).trackingCode !== undefined);
    },
  },
];

/** Waits until the order's saga has asked for a step. */
async function untilStep({ records }: World, orderId: string, step: string): Promise<void> {
  await waitFor(`step ${step} of order ${orderId}`, async () => {
    const turns = await records.events("orchestrator", { correlation: orderId });
    return turns.at(-1)?.data.step === step;
  });
}

/** @returns How often the provider has captured for an order. */
async function capturesOf({ shop }: World, orderId: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${shop.ports.payment}/_simulator/ledger?order=${orderId}`);
  const { orders } = await response.json() as { orders: Record<string, { captures: number }> };
  return orders[orderId]?.captures ?? 0;
}
