import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import type { Broker, OutgoingMessage, Publisher } from "../broker.ts";
import type { CaseTable } from "./case_table.ts";
import { command, conformanceTopology, event, eventually, idsOf, takeExactly } from "./world.ts";

const mailbox = [{ queue: "shelf.in.p0" }];

/** How messages travel together and are answered one by one. With a prefetch of 1 one bundle is there at a time. */
export const bundlingCases: CaseTable = {
  "hands over each message of a bundle as if it had come alone": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox, prefetch: 1 });
    const routingKeys = ["shelf.put-away.v1.k03", "shelf.put-away.v1.k60"];
    const headers = { traceparent: "00-1-2-01", "mesh-resent": "1" };

    const outcomes = await Promise.all([
      publisher.publish(bundled("m0", { routingKey: routingKeys[0]!, correlationId: "c0" })),
      publisher.publish(bundled("m1", { routingKey: routingKeys[1]!, headers })),
      publisher.publish(bundled("장", { body: new Uint8Array() })),
    ]);

    const delivery = { queue: "shelf.in.p0", exchange: "mesh.commands", type: "shelf.put-away", userId: "planner" };
    assertEquals(outcomes, ["confirmed", "confirmed", "confirmed"]);
    assertEquals(await takeExactly(consumer, 3), [
      {
        ...delivery,
        messageId: "m0",
        routingKey: routingKeys[0],
        headers: {},
        body: bodyOf("m0"),
        isRedelivered: false,
      },
      { ...delivery, messageId: "m1", routingKey: routingKeys[1], headers, body: bodyOf("m1"), isRedelivered: false },
      {
        ...delivery,
        messageId: "장",
        routingKey: command("").routingKey,
        headers: {},
        body: new Uint8Array(),
        isRedelivered: false,
      },
    ]);
  },

  "delivers bundles and single messages in the order of publishing": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    const ids = numbered(300);

    for (let first = 0; first < ids.length; first += 50) {
      const burst = ids.slice(first, first + 50);
      await Promise.all(
        burst.map((id, at) => publisher.publish(at < 40 ? bundled(id, { orderKey: "all" }) : command(id))),
      );
    }

    assertEquals(idsOf(await takeExactly(consumer, ids.length)), ids);
  },

  "lets nothing overtake a message with the same order key": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });

    await Promise.all([
      publisher.publish(bundled("a0", { orderKey: "x" })),
      publisher.publish(command("s1", { orderKey: "y" })),
      publisher.publish(bundled("a2", { orderKey: "z" })),
      publisher.publish(bundled("a3", { orderKey: "y" })),
      publisher.publish(bundled("a4", { orderKey: "x" })),
    ]);

    assertEquals(idsOf(await takeExactly(consumer, 5)), ["a0", "a2", "s1", "a3", "a4"]);
  },

  "puts together only what is published with one exchange, one bundle key and one wish for returns": async (
    harness,
  ) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("shelf"));
    const herald = await (await world.connect("herald")).openConsumer({
      queues: [{ queue: "herald.in.p0" }],
      prefetch: 1,
    });

    await Promise.all([
      publisher.publish(event("m0", { bundleKey: "a" })),
      publisher.publish(event("m1", { bundleKey: "b" })),
      publisher.publish(event("m2", { bundleKey: "a", isMandatory: true })),
      publisher.publish(event("m3", { bundleKey: "a" })),
    ]);

    assertEquals(await batchesOf(herald, 3), [["m0", "m3"], ["m1"], ["m2"]]);
  },

  "bundles as many messages as its publisher allows, and none if that says nothing": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const broker = await world.connect("planner");
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox, prefetch: 1 });

    await publishAll(await broker.openPublisher({ bundleMax: 2 }), ["m0", "m1", "m2"]);
    assertEquals(await batchesOf(consumer, 2), [["m0", "m1"], ["m2"]]);

    await publishAll(await broker.openPublisher(), ["m3", "m4"]);
    assertEquals(await batchesOf(consumer, 2), [["m3"], ["m4"]]);
  },

  "splits what is too large for one bundle": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox, prefetch: 1 });
    const body = Uint8Array.from({ length: 48 * 1024 }, (_, at) => at % 251);

    await Promise.all(numbered(6).map((id) => publisher.publish(bundled(id, { body }))));

    const [first, second] = [await takeExactly(consumer, 5), await consumer.take(1, AbortSignal.abort())];
    consumer.ackThrough(first[4]!);
    assertEquals([
      idsOf(first),
      second,
      first.every((delivery) => delivery.body.every((byte, at) => byte === body[at])),
    ], [
      numbered(5),
      [],
      true,
    ]);
    assertEquals(idsOf(await takeExactly(consumer, 1)), ["m5"]);
  },

  "gives no more of a bundle than asked for": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    await publishAll(publisher, numbered(3));

    const batches = [await consumer.take(1), await consumer.take(1), await consumer.take(64)];

    assertEquals(batches.map(idsOf), [["m0"], ["m1"], ["m2"]]);
  },

  "acknowledges a bundle once its last message is covered, and delivers it again until then": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const broker = await world.connect("shelf");
    await publisher.publish(command("before"));
    await publishAll(publisher, numbered(3));
    const consumer = await broker.openConsumer({ queues: mailbox });
    const taken = await takeExactly(consumer, 4);

    consumer.ackThrough(taken[2]!);
    await consumer[Symbol.asyncDispose]();
    const next = await broker.openConsumer({ queues: mailbox });
    const again = await takeExactly(next, 3);
    next.ackThrough(again[1]!);
    next.ackThrough(again[2]!);
    await next[Symbol.asyncDispose]();
    await publisher.publish(command("after"));

    assertEquals(again.map(({ messageId, isRedelivered }) => [messageId, isRedelivered]), [
      ["m0", true],
      ["m1", true],
      ["m2", true],
    ]);
    assertEquals(idsOf(await takeExactly(await broker.openConsumer({ queues: mailbox }), 1)), ["after"]);
  },

  "delivers a bundle again, whole, when the connection was cut in the middle of it": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const receiver = await world.connect("shelf");
    const consumer = await receiver.openConsumer({ queues: mailbox });
    await publishAll(publisher, numbered(3));
    const [before] = await takeExactly(consumer, 1);
    consumer.ackThrough(before!);
    let isBack = false;
    receiver.onReconnected(() => isBack = true);

    world.cutConnections();
    await eventually(world, () => isBack && consumer.subscribedQueues.length === 1);

    const again = await takeExactly(consumer, 3);
    assertEquals([idsOf(again), again.every(({ isRedelivered }) => isRedelivered)], [numbered(3), true]);
  },

  "fails every message of a bundle that is unconfirmed when the connection is cut": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    world.holdAnswers();
    const settled = Promise.all(
      numbered(3).map((id) =>
        rejects(
          publisher.publish(bundled(id)),
          (error) => error instanceof UnavailableError && error.reason === "connection-lost",
        )
      ),
    );
    await Promise.resolve();

    world.cutConnections();

    await settled;
  },

  "returns every message of a mandatory bundle that no queue takes, and confirms one that need not be taken": async (
    harness,
  ) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const unheard = { routingKey: "nobody.vanish.v1.k00", bundleKey: "nobody.vanish" };

    const outcomes = await Promise.all([
      ...numbered(3).map((id) => publisher.publish(command(id, unheard))),
      ...numbered(2).map((id) => publisher.publish(bundled(id))),
      ...numbered(2).map((id) => publisher.publish(command(id, { ...unheard, isMandatory: false }))),
    ]);

    assertEquals(outcomes, ["returned", "returned", "returned", "confirmed", "confirmed", "confirmed", "confirmed"]);
  },

  "refuses every message of a bundle that a user may not publish": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const forbidden = { routingKey: "shelf.burn-down.v1.k00" };

    await Promise.all(
      numbered(2).map((id) => rejects(publisher.publish(bundled(id, forbidden)), { reason: "access-refused" })),
    );
  },

  "refuses one message that no broker may carry, not those beside it": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));

    const outcomes = await Promise.allSettled([
      publisher.publish(bundled("m0")),
      publisher.publish(bundled("m1", { body: new Uint8Array(48 * 1024 + 1) })),
      publisher.publish(bundled("m2")),
    ]);

    assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  },

  "brings a bundle again of which one message was rejected, whole, and dead-letters none of it": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
    await publishAll(publisher, numbered(3));
    const rejectsIn = async (answer: (taken: Awaited<ReturnType<typeof takeExactly>>) => void) => {
      const taken = await takeExactly(consumer, 3);
      answer(taken);
      return [idsOf(taken), taken.every(({ isRedelivered }) => isRedelivered)];
    };

    const seen = [
      await rejectsIn((taken) => {
        consumer.reject(taken[1]!, false);
        consumer.ackThrough(taken[2]!);
      }),
      await rejectsIn((taken) => {
        consumer.ackThrough(taken[0]!);
        consumer.reject(taken[2]!, true);
        consumer.reject(taken[1]!, false);
      }),
      await rejectsIn((taken) => consumer.ackThrough(taken[2]!)),
    ];
    await publisher.publish(command("next"));

    assertEquals(seen, [[numbered(3), false], [numbered(3), true], [numbered(3), true]]);
    assertEquals(idsOf(await takeExactly(consumer, 1)), ["next"]);
  },

  "dead-letters a bundle whose messages were all rejected for good, as single messages": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    const dead = await broker.openConsumer({ queues: [{ queue: "shelf.dead" }] });
    await publishAll(publisher, numbered(2));

    for (const delivery of await takeExactly(consumer, 2)) consumer.reject(delivery, false);

    const letters = await takeExactly(dead, 2);
    assertEquals(
      letters.map(({ messageId, routingKey, body, lastDeath }) => ({ messageId, routingKey, body, lastDeath })),
      numbered(2).map((messageId) => ({
        messageId,
        routingKey: "shelf",
        body: bodyOf(messageId),
        lastDeath: { reason: "rejected", queue: "shelf.in.p0" },
      })),
    );
  },

  "dead-letters a bundle that came a hundred and one times in vain, as single messages": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    const dead = await broker.openConsumer({ queues: [{ queue: "shelf.dead" }] });
    await publishAll(publisher, numbered(2));

    for (let count = 0; count < 101; count += 1) {
      for (const delivery of await takeExactly(consumer, 2)) consumer.reject(delivery, true);
    }

    const letters = await takeExactly(dead, 2);
    assertEquals([idsOf(letters), letters[1]!.lastDeath], [
      numbered(2),
      { reason: "delivery_limit", queue: "shelf.in.p0" },
    ]);
  },

  "gives back the rest of a bundle on cancel once what was taken of it is answered": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await openBundling(await world.connect("planner"));
    const broker = await world.connect("shelf");
    const consumer = await broker.openConsumer({ queues: mailbox });
    await publishAll(publisher, numbered(3));
    const [taken] = await takeExactly(consumer, 1);

    await consumer.cancel();
    consumer.ackThrough(taken!);

    const next = await broker.openConsumer({ queues: mailbox });
    assertEquals(idsOf(await takeExactly(next, 3)), numbered(3));
  },
};

function openBundling(broker: Broker): Promise<Publisher> {
  return broker.openPublisher({ bundleMax: 64 });
}

function bundled(id: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return command(id, { bundleKey: "shelf.put-away.v1", ...changes });
}

function publishAll(publisher: Publisher, ids: readonly string[]): Promise<unknown> {
  return Promise.all(ids.map((id) => publisher.publish(bundled(id))));
}

/** What comes at once, that many times; each is acknowledged before the next. */
async function batchesOf(consumer: Awaited<ReturnType<Broker["openConsumer"]>>, count: number) {
  const batches: (readonly (string | undefined)[])[] = [];
  for (let at = 0; at < count; at += 1) {
    const batch = await consumer.take(64);
    batches.push(idsOf(batch));
    consumer.ackThrough(batch.at(-1)!);
  }
  return batches;
}

function bodyOf(id: string): Uint8Array {
  return new TextEncoder().encode(`body of ${id}`);
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `m${at}`);
}
