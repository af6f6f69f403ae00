import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { services } from "@jangteo/deploy/topology";
import { waitFor, withShop } from "./harness/mod.ts";
import { startOtlpReceiver } from "./scenarios/otlp_receiver.ts";
import { newCustomer } from "./storefront/mod.ts";

/** Who takes part in an order that goes well; `users` is asked for the address over HTTP. */
const participants = [
  ...["gateway", "inventory", "notifications", "orchestrator", "orders", "payments", "shipping"],
  "users",
];

Deno.test("one order has one trace, from the request over HTTP through every service to the mail", async () => {
  await using receiver = startOtlpReceiver();
  const extra = Object.fromEntries(services.map(({ name }) => [name, receiver.environment]));
  await withShop({ isSeeded: true, extra }, async ({ shop }) => {
    const customer = await newCustomer(shop.url);
    const orderId = await customer.place({ lines: [{ sku: "TEA-0001", units: 1 }, { sku: "TEA-0002", units: 2 }] });
    assertEquals((await customer.untilEnded(orderId)).status, "confirmed");

    const ofOrder = () =>
      receiver.spans.filter(({ attributes }) => attributes["messaging.message.conversation_id"] === orderId);
    // The notice is sent after the end of the order: that is the last that happens.
    await waitFor(
      "the last span of the order",
      () => receiver.spans.some(({ service, name }) => service === "notifications" && name.startsWith("effect ")),
    );
    const request = await waitFor(
      "the span of the request",
      () =>
        receiver.spans.find(({ service, attributes }) =>
          service === "gateway" && attributes["http.request.method"] === "POST" &&
          attributes["url.path"] === "/v1/orders"
        ),
    );
    // It hangs together: nobody is missing in it, and each span's parent is one of the trace, up to the request.
    const trace = await waitFor("the whole trace", () => {
      const spans = receiver.spans.filter(({ traceId }) => traceId === request.traceId);
      const [seen, known] = [new Set(spans.map(({ service }) => service)), new Set(spans.map(({ spanId }) => spanId))];
      const isWhole = spans.every(({ spanId, parentSpanId }) => spanId === request.spanId || known.has(parentSpanId));
      return isWhole && participants.every((service) => seen.has(service)) && spans;
    });
    // Every message of the order belongs to it.
    assertEquals(new Set(ofOrder().map(({ traceId }) => traceId)), new Set([request.traceId]));
    // Calls to the outside are part of it.
    const effects = new Set(trace.filter(({ name }) => name.startsWith("effect ")).map(({ service }) => service));
    assertEquals([...effects].sort(), ["notifications", "payments", "shipping"]);
  });
});
