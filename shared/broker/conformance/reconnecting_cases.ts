import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import type { CaseTable } from "./case_table.ts";
import { command, conformanceTopology, eventually, idsOf, publishWhenUp, takeExactly } from "./world.ts";

const mailbox = [{ queue: "shelf.in.p0" }];

/** What happens when connections, channels and queues go away under a client. */
export const reconnectingCases: CaseTable = {
  "comes back after its connections were cut, and says so": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const sender = await world.connect("planner");
    const receiver = await world.connect("shelf");
    const publisher = await sender.openPublisher();
    const consumer = await receiver.openConsumer({ queues: mailbox });
    const heard: string[] = [];
    sender.onReconnected(() => heard.push("sender"));
    receiver.onReconnected(() => heard.push("receiver"));
    const silence = receiver.onReconnected(() => heard.push("nobody"));
    silence();

    world.cutConnections();
    await eventually(world, () => heard.length === 2);

    assertEquals([sender.isConnected, receiver.isConnected, [...heard].sort()], [true, true, ["receiver", "sender"]]);
    assertEquals(await publishWhenUp(world, publisher, command("m1")), "confirmed");
    await eventually(world, () => consumer.subscribedQueues.length === 1);
    assertEquals(idsOf(await takeExactly(consumer, 1)), ["m1"]);
  },

  "delivers again what was not acknowledged when the connection was cut": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const receiver = await world.connect("shelf");
    const consumer = await receiver.openConsumer({ queues: mailbox });
    await publisher.publish(command("m1"));
    await publisher.publish(command("m2"));
    const before = await takeExactly(consumer, 2);
    let isBack = false;
    receiver.onReconnected(() => isBack = true);

    world.cutConnections();
    await eventually(world, () => isBack && consumer.subscribedQueues.length === 1);
    const again = await takeExactly(consumer, 2);
    consumer.ackThrough(before[1]!);
    consumer.reject(before[0]!, true);
    consumer.ackThrough(again[1]!);
    await publishWhenUp(world, publisher, command("m3"));

    assertEquals(again.map(({ messageId, isRedelivered }) => [messageId, isRedelivered]), [["m1", true], ["m2", true]]);
    assertEquals(idsOf(await takeExactly(consumer, 1)), ["m3"]);
  },

  "fails every publish that is unconfirmed when the connection is cut": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    world.holdAnswers();
    const pending = ["m1", "m2"].map((id) => publisher.publish(command(id)));
    const settled = Promise.all(
      pending.map((publish) =>
        rejects(publish, (error) => error instanceof UnavailableError && error.reason === "connection-lost")
      ),
    );

    world.cutConnections();

    await settled;
    assertEquals(await publishWhenUp(world, publisher, command("m3")), "confirmed");
  },

  "takes its only queue up again after that was deleted": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });

    await world.deleteQueue("shelf.in.p0");
    await eventually(world, () => consumer.subscribedQueues.length === 0);
    await world.restore();
    await eventually(world, () => consumer.subscribedQueues.length === 1);
    await publisher.publish(command("m1"));

    assertEquals(idsOf(await takeExactly(consumer, 1)), ["m1"]);
  },

  "goes on with its other queues while one is deleted, and takes that up again when it is back": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(2));
    const publisher = await (await world.connect("planner")).openPublisher();
    const receiver = await world.connect("shelf");
    const consumer = await receiver.openConsumer({ queues: [{ queue: "shelf.in.p0" }, { queue: "shelf.in.p1" }] });
    const to = (id: string, slot: string) => command(id, { routingKey: `shelf.put-away.v1.k${slot}` });
    await publisher.publish(to("m0", "00"));
    const [held] = await takeExactly(consumer, 1);

    await world.deleteQueue("shelf.in.p1");
    await eventually(world, () => consumer.subscribedQueues.length === 1);
    const outcomes = [await publisher.publish(to("lost", "01")), await publisher.publish(to("m2", "02"))];
    const [other] = await takeExactly(consumer, 1);
    consumer.ackThrough(held!);
    consumer.ackThrough(other!);
    await world.restore();
    await eventually(world, () => consumer.subscribedQueues.length === 2);
    await publisher.publish(to("m1", "01"));
    const [back] = await takeExactly(consumer, 1);
    consumer.ackThrough(back!);

    assertEquals(outcomes, ["returned", "confirmed"]);
    assertEquals([held, other, back].map((delivery) => [delivery!.messageId, delivery!.isRedelivered]), [
      ["m0", false],
      ["m2", false],
      ["m1", false],
    ]);
  },
};
