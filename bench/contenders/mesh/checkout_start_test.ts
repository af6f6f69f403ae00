import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import { emitPolicyFrom, fixedKeyDirectory, generateSigningKey, policyIndex } from "@mesh/envelope";
import { defaultSettings, type RunningService, silentLog, silentMeter, startService } from "@mesh/runtime";
import { MemoryStore } from "@mesh/store";
import { orderData } from "../order_data.ts";
import { Checkout } from "./contracts.ts";
import { behaviours, orchestrator, services } from "./services.ts";

const ids = systemIds();

/** Runs the orchestrator alone: nobody answers what it asks. */
async function withOrchestrator(store: MemoryStore, work: (running: RunningService) => Promise<void>): Promise<void> {
  await using server = new MemoryBrokerServer({ clock: systemClock });
  await server.load(brokerTopology(services, { partitions: 1 }));
  await using broker = await server.connect("orchestrator");
  const never = () => Promise.reject(new Error("nobody's feed is read"));
  const running = await startService({
    definition: { ...orchestrator, subscribes: [] },
    behaviour: behaviours.orchestrator!,
    broker,
    store,
    signingKey: generateSigningKey("orchestrator").key,
    keys: fixedKeyDirectory({}),
    policy: policyIndex(emitPolicyFrom(services)),
    feeds: { read: never, readStream: never },
    clock: systemClock,
    ids,
    log: silentLog,
    meter: silentMeter,
    settings: { ...defaultSettings, drainMs: 200, sweepEveryMs: 600_000, timerEveryMs: 600_000 },
    partitions: 1,
    abandon: (reason) => {
      throw new Error(reason);
    },
  });
  try {
    await work(running);
  } finally {
    await running.drain();
  }
}

Deno.test("a saga starts by a command in its host's process, once, and asks the first service", async () => {
  await using store = new MemoryStore({ clock: systemClock });
  await withOrchestrator(store, async (running) => {
    const orderId = ids.next();
    const start = () => running.execute(Checkout(orderData(orderId)), { correlation: orderId });

    const outcomes = await Promise.allSettled([start(), start()]);
    assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected"]);
    await assertRejects(start(), { code: "store.conflict", message: /has started before$/ });
    // Without a correlation it is a flow of its own, which its key is not.
    await assertRejects(running.execute(Checkout(orderData(orderId))), { code: "contract.invalid" });

    const { items } = await store.readFeed({ after: "", limit: 9 });
    const explained = await running.operations.explain(`orchestrator/checkout/${orderId}`);
    assertEquals(items.length, 1);
    assertEquals(explained?.unanswered.map(({ type }) => type), ["inventory.reserve"]);
  });
});
