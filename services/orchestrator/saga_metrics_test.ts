import { strictEqual as assertSame } from "node:assert/strict";
import { ManualClock, sequentialIds } from "@mesh/base";
import { answering, type AnyEvent, type AnyMessage } from "@mesh/contract";
import { type SagaState, sagaView } from "@mesh/saga";
import { MemoryStore, noWrites } from "@mesh/store";
import { received, testContext } from "@mesh/testing";
import { StockRefused } from "@shop/inventory";
import { OrderPlaced } from "@shop/orders";
import { orchestratorHost } from "./host.ts";
import { renderSagaMetrics } from "./saga_metrics.ts";

const minuteMs = 60_000;
const sku = "TEA-0001";
const host = orchestratorHost();
const ids = sequentialIds();

Deno.test("the orchestrator's metrics tell unfinished sagas that need attention from those that do not", async () => {
  const store = new MemoryStore({ clock: new ManualClock() });
  await rejectionUnanswered(store, 1);
  await rejectionUnanswered(store, 14);
  await rejectionUnanswered(store, 15);

  assertSame(
    await renderSagaMetrics("orchestrator", store),
    `# HELP orchestrator_unfinished_sagas Sagas that have not ended, by whether they need attention
# TYPE orchestrator_unfinished_sagas gauge
orchestrator_unfinished_sagas{service="orchestrator",needs_attention="false"} 2
orchestrator_unfinished_sagas{service="orchestrator",needs_attention="true"} 1
`,
  );
});

Deno.test("the orchestrator's metrics say nothing about sagas while the database is away", async () => {
  const store = new MemoryStore({ clock: new ManualClock() });
  store.failNext(1);
  assertSame(await renderSagaMetrics("orchestrator", store), "");
});

/** Stores a saga that has waited for so long to hear that its order is rejected. */
async function rejectionUnanswered(store: MemoryStore, waitedMinutes: number): Promise<void> {
  const orderId = ids.next();
  const key = `place-order/${orderId}`;
  const context = { ...testContext(), newId: ids.next };
  const events: AnyEvent[] = [];
  let state: SagaState = host.initialState(key);
  const take = (turn: readonly unknown[]) => {
    for (const event of turn.filter((one) => (one as AnyMessage).kind === "event") as AnyEvent[]) {
      events.push(event);
      state = host.evolve(state, event);
    }
  };
  take(host.decide(state, received(placed(orderId), { correlation: orderId }), context));
  const refused = StockRefused({ orderId, sku, units: 1, reason: "too-few-free", unitsFree: 0 });
  const re = sagaView(state).waitingFor.map(({ id }) => id);
  take(host.decide(state, received(answering(re, refused), { correlation: orderId }), context));
  const now = new Date(context.now.getTime() + waitedMinutes * minuteMs);
  if (now.getTime() >= (state.deadlineMs ?? Infinity)) take(host.decideTimer(state, { ...context, now }));
  const stream = `orchestrator/${key}`;
  await store.commit({
    ...noWrites,
    expected: [{ stream, version: 0 }],
    events: events.map(({ type, version: schemaVersion, data }, at) => ({
      ...{ stream, version: at + 1, id: ids.next(), type, schemaVersion, correlation: orderId, re: [] },
      data: JSON.parse(JSON.stringify(data)),
      envelope: "e",
      hash: "h",
    })),
    outbox: sagaView(state).waitingFor.map(({ id }) => ({
      id: ids.next(),
      kind: "command" as const,
      messageId: id,
      type: "orders.reject-order",
      exchange: "mesh.commands",
      routingKey: "orders.reject-order.v1.k00",
      correlation: orderId,
      orderKey: stream,
      isMandatory: true,
      headers: {},
      envelope: "e",
      sentCount: 1,
    })),
  });
}

function placed(orderId: string) {
  return OrderPlaced({
    orderId,
    customerId: ids.next(),
    addressRef: ids.next(),
    lines: [{ sku, units: 1, unitPriceMinor: 499, priceEventId: ids.next() }],
    currency: "EUR",
    paymentMethod: "pm_card_visa",
    totalMinor: 499,
  });
}
