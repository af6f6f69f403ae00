import { deepStrictEqual as assertEquals, ok, rejects } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import type { CaseTable } from "./case_table.ts";
import { command, conformanceTopology, idsOf, takeExactly } from "./world.ts";

const mailbox = [{ queue: "shelf.in.p0" }];

/** How deliveries are taken, answered and given back. */
export const consumingCases: CaseTable = {
  "delivers in the order of publishing": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    const ids = numbered(200);

    await Promise.all(ids.map((id) => publisher.publish(command(id))));

    assertEquals(idsOf(await takeExactly(consumer, ids.length)), ids);
  },

  "never waits once it holds a delivery, and never gives more than asked for": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    await Promise.all(numbered(3).map((id) => publisher.publish(command(id))));

    const batches = [await consumer.take(1), await consumer.take(1), await consumer.take(64)];

    assertEquals(batches.map(idsOf), [["m0"], ["m1"], ["m2"]]);
  },

  "holds back what goes beyond the prefetch until something is acknowledged": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox, prefetch: 2 });
    await Promise.all(numbered(4).map((id) => publisher.publish(command(id))));

    const first = await takeExactly(consumer, 2);
    const impatient = new AbortController();
    const waiting = consumer.take(64, impatient.signal);
    impatient.abort();
    assertEquals(await waiting, []);
    consumer.ackThrough(first[1]!);

    assertEquals([idsOf(first), idsOf(await takeExactly(consumer, 2))], [["m0", "m1"], ["m2", "m3"]]);
  },

  "acknowledges everything taken up to a delivery, and nothing after it": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const broker = await world.connect("shelf");
    await Promise.all(numbered(5).map((id) => publisher.publish(command(id))));
    const consumer = await broker.openConsumer({ queues: mailbox });
    const taken = await takeExactly(consumer, 5);

    consumer.ackThrough(taken[2]!);
    consumer.ackThrough(taken[2]!);
    consumer.ackThrough(taken[0]!);
    await consumer[Symbol.asyncDispose]();

    const again = await takeExactly(await broker.openConsumer({ queues: mailbox }), 2);
    assertEquals(again.map(({ messageId, isRedelivered }) => [messageId, isRedelivered]), [["m3", true], ["m4", true]]);
  },

  "acknowledges what is left when some of it was rejected": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    const dead = await broker.openConsumer({ queues: [{ queue: "shelf.dead" }] });
    await Promise.all(numbered(3).map((id) => publisher.publish(command(id))));
    const taken = await takeExactly(consumer, 3);

    consumer.reject(taken[0]!, false);
    consumer.reject(taken[2]!, false);
    consumer.reject(taken[2]!, false);
    consumer.ackThrough(taken[2]!);
    await publisher.publish(command("next"));

    assertEquals(idsOf(await takeExactly(consumer, 1)), ["next"]);
    assertEquals(idsOf(await takeExactly(dead, 2)), ["m0", "m2"]);
  },

  "dead-letters what is rejected for good, and says why": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    const dead = await broker.openConsumer({ queues: [{ queue: "shelf.dead" }] });
    await publisher.publish(command("m1", { headers: { traceparent: "00-1-2-01" } }));

    consumer.reject((await takeExactly(consumer, 1))[0]!, false);

    const [letter] = await takeExactly(dead, 1);
    assertEquals([letter!.messageId, letter!.exchange, letter!.routingKey, letter!.headers, letter!.lastDeath], [
      "m1",
      "mesh.dead",
      "shelf",
      { traceparent: "00-1-2-01" },
      { reason: "rejected", queue: "shelf.in.p0" },
    ]);
  },

  "dead-letters a message that was given back a hundred and one times": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    const dead = await broker.openConsumer({ queues: [{ queue: "shelf.dead" }] });
    await publisher.publish(command("m1"));
    const redelivered: boolean[] = [];

    for (let count = 0; count < 101; count += 1) {
      const [delivery] = await takeExactly(consumer, 1);
      redelivered.push(delivery!.isRedelivered);
      consumer.reject(delivery!, true);
    }

    const [letter] = await takeExactly(dead, 1);
    assertEquals([letter!.messageId, letter!.lastDeath], ["m1", { reason: "delivery_limit", queue: "shelf.in.p0" }]);
    assertEquals(redelivered, [false, ...Array.from({ length: 100 }, () => true)]);
  },

  "keeps the order of messages that are given back": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox, prefetch: 3 });
    await Promise.all(numbered(5).map((id) => publisher.publish(command(id))));

    for (const delivery of await takeExactly(consumer, 3)) consumer.reject(delivery, true);
    const again = await takeExactly(consumer, 3);
    consumer.ackThrough(again[2]!);

    assertEquals([...idsOf(again), ...idsOf(await takeExactly(consumer, 2))], numbered(5));
  },

  "gives a queue to one consumer at a time, and to the next when that one goes": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const first = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    const second = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    await Promise.all(numbered(20).map((id) => publisher.publish(command(id))));

    const taken = await takeExactly(first, 20);
    first.ackThrough(taken[17]!);
    await first[Symbol.asyncDispose]();
    await publisher.publish(command("m20"));

    assertEquals(idsOf(taken), numbered(20));
    assertEquals(idsOf(await takeExactly(second, 3)), ["m18", "m19", "m20"]);
  },

  "stops deliveries on cancel, keeps what is taken answerable and gives back the rest": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    await Promise.all(numbered(4).map((id) => publisher.publish(command(id))));
    const [taken] = await consumer.take(1);

    await consumer.cancel();
    const next = await broker.openConsumer({ queues: mailbox });
    assertEquals([consumer.subscribedQueues, await consumer.take(64)], [[], []]);
    const rest = await takeExactly(next, 3);
    consumer.ackThrough(taken!);
    await consumer[Symbol.asyncDispose]();
    next.ackThrough(rest[2]!);
    await publisher.publish(command("m4"));

    assertEquals([taken!.messageId, ...idsOf(rest), ...idsOf(await takeExactly(next, 1))], numbered(5));
  },

  "ends a wait when its signal aborts or the consumer is closed": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    const impatient = new AbortController();
    const aborted = consumer.take(1, impatient.signal);
    const closed = consumer.take(1);

    impatient.abort();
    await consumer[Symbol.asyncDispose]();

    assertEquals([await aborted, await closed, await consumer.take(1)], [[], [], []]);
  },

  "refuses a consumer of a queue that is missing or belongs to another": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const broker = await world.connect("shelf");
    const reasonFor = async (queue: string) => {
      let reason = "none";
      await rejects(broker.openConsumer({ queues: [{ queue }] }), (error) => {
        ok(error instanceof UnavailableError);
        reason = error.reason;
        return true;
      });
      return reason;
    };

    assertEquals([await reasonFor("shelf.in.p7"), await reasonFor("planner.in.p0")], ["not-found", "access-refused"]);
  },

  "gives nothing after its end": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const broker = await world.connect("shelf");
    const publisher = await broker.openPublisher();
    const consumer = await broker.openConsumer({ queues: mailbox });

    await broker[Symbol.asyncDispose]();

    await rejects(publisher.publish(command("m1")), UnavailableError);
    await rejects(broker.openPublisher(), UnavailableError);
    assertEquals([await consumer.take(1), consumer.subscribedQueues, broker.isConnected], [[], [], false]);
  },
};

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `m${at}`);
}
