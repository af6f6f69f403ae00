import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock, sequentialIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import { MemoryDatabase, MemoryStore } from "@mesh/store";
import { drainDeadLetters } from "./dead_letter_drainer.ts";
import { silentLog } from "./log.ts";
import { askerService, counterService } from "./test_world.ts";

Deno.test("what the broker gave up on as a bundle becomes one dead letter per envelope, with the mailbox it died in", async () => {
  const clock = new ManualClock();
  await using server = new MemoryBrokerServer({ clock });
  await server.load(brokerTopology([counterService, askerService], { partitions: 2 }));
  const broker = await server.connect("counter");
  await using store = new MemoryStore({ clock, database: new MemoryDatabase() });
  const publisher = await (await server.connect("asker")).openPublisher({ bundleMax: 64 });
  await Promise.all(["m0", "m1"].map((messageId) =>
    publisher.publish({
      exchange: "mesh.commands",
      routingKey: "counter.count.v1.k01",
      body: new TextEncoder().encode(messageId),
      messageId,
      type: "counter.count",
      isMandatory: true,
      headers: { "mesh-resent": "1" },
      bundleKey: "counter.count.v1.1",
    })
  ));
  const mailbox = await broker.openConsumer({ queues: [{ queue: "counter.in.p1" }] });
  for (let count = 0; count < 101; count += 1) {
    for (const delivery of await mailbox.take(2)) mailbox.reject(delivery, true);
  }

  const stopping = new AbortController();
  const log = { ...silentLog, error: () => stopping.abort() };
  await drainDeadLetters({ service: "counter", broker, store, ids: sequentialIds(), clock, log }, stopping.signal);

  const newestFirst = await store.listDeadLetters({ limit: 9 });
  const letters = newestFirst.toReversed();
  assertEquals(
    letters.map(({ messageId, type, reason, queue, body, headers }) => ({
      messageId,
      type,
      reason,
      queue,
      body,
      headers,
    })),
    ["bTA=", "bTE="].map((body, at) => ({
      messageId: `m${at}`,
      type: "counter.count",
      reason: "delivery-limit",
      queue: "counter.in.p1",
      body,
      headers: { "mesh-resent": "1" },
    })),
  );
  assertEquals(server.messagesIn("counter.dead"), []);
});
