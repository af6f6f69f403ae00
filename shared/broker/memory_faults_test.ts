import { deepStrictEqual as assertEquals, notDeepStrictEqual, rejects } from "node:assert/strict";
import { MemoryWorld } from "./conformance/memory_world.ts";
import {
  command,
  conformanceTopology,
  eventually,
  idsOf,
  publishWhenUp,
  takeExactly,
  tierMs,
} from "./conformance/world.ts";
import { retryExchange } from "./mod.ts";

const mailbox = [{ queue: "shelf.in.p0" }];
const ids = Array.from({ length: 20 }, (_, at) => `m${at}`);

async function openWorld() {
  const world = await MemoryWorld.open(conformanceTopology(1));
  const planner = await world.connect("planner");
  const shelf = await world.connect("shelf");
  return { world, server: world.server, planner, shelf, publisher: await planner.openPublisher() };
}

Deno.test("a broker in memory takes a publish whose confirm is dropped, and the publisher learns nothing", async () => {
  const { world, server, publisher } = await openWorld();
  await using _ = world;

  server.faults.dropNextConfirm();
  const publish = rejects(publisher.publish(command("m1")), { reason: "confirm-late" });
  await world.passTime(10_000);

  await publish;
  assertEquals([server.messagesIn("shelf.in.p0").length, await publisher.publish(command("m2"))], [1, "confirmed"]);
});

Deno.test("a broker in memory delivers twice when told to", async () => {
  const { world, server, publisher, shelf } = await openWorld();
  await using _ = world;
  const consumer = await shelf.openConsumer({ queues: mailbox });

  server.faults.duplicateNextDelivery("planner.in.p0");
  server.faults.duplicateNextDelivery("shelf.in.p0");
  await publisher.publish(command("m1"));
  await publisher.publish(command("m2"));

  const taken = await takeExactly(consumer, 3);
  assertEquals(taken.map(({ messageId, isRedelivered }) => [messageId, isRedelivered]), [
    ["m1", false],
    ["m1", true],
    ["m2", false],
  ]);
  consumer.ackThrough(taken[2]!);
  assertEquals(server.messagesIn("shelf.in.p0"), []);
});

Deno.test("a broker in memory treats a bundle as one message where it delivers twice or drops a confirm", async () => {
  const { world, server, planner, shelf } = await openWorld();
  await using _ = world;
  const publisher = await planner.openPublisher({ bundleMax: 64 });
  const consumer = await shelf.openConsumer({ queues: mailbox });

  server.faults.duplicateNextDelivery("shelf.in.p0");
  server.faults.dropNextConfirm();
  const unconfirmed = Promise.all(
    ["m0", "m1"].map((id) => rejects(publisher.publish(command(id, { bundleKey: "a" })), { reason: "confirm-late" })),
  );
  // The bundle is on its way once this tick has ended.
  await world.passTime(0);
  await world.passTime(10_000);

  await unconfirmed;
  const taken = await takeExactly(consumer, 4);
  assertEquals(taken.map(({ messageId, isRedelivered }) => [messageId, isRedelivered]), [
    ["m0", false],
    ["m1", false],
    ["m0", true],
    ["m1", true],
  ]);
  assertEquals(await publisher.publish(command("m2")), "confirmed");
});

Deno.test("a broker in memory reorders within a key, the same way for the same seed", async () => {
  const orderFor = async (seed: number) => {
    const { world, server, publisher, shelf } = await openWorld();
    await using _ = world;
    server.faults.reorder(seed, 50);
    await Promise.all(ids.map((id) => publisher.publish(command(id))));
    await world.passTime(50);
    return idsOf(await takeExactly(await shelf.openConsumer({ queues: mailbox }), ids.length));
  };

  const [first, again, other] = [await orderFor(1), await orderFor(1), await orderFor(2)];
  assertEquals(first, again);
  notDeepStrictEqual(first, ids);
  notDeepStrictEqual(first, other);
  assertEquals(first.toSorted(), ids.toSorted());
});

Deno.test("a broker in memory refuses publishes while it is blocked", async () => {
  const { world, server, publisher } = await openWorld();
  await using _ = world;

  server.faults.setBlocked(true);
  await rejects(publisher.publish(command("m1")), { reason: "blocked" });
  assertEquals([publisher.isBlocked, server.messagesIn("shelf.in.p0")], [true, []]);

  server.faults.setBlocked(false);
  assertEquals(await publisher.publish(command("m1")), "confirmed");
});

Deno.test("a broker in memory that stops keeps its messages, and its clients come back when it starts", async () => {
  const { world, server, planner, publisher, shelf } = await openWorld();
  await using _ = world;
  await publisher.publish(command("m1"));

  server.stop();
  await world.passTime(60_000);
  assertEquals(planner.isConnected, false);
  server.start();

  assertEquals(await publishWhenUp(world, publisher, command("m2")), "confirmed");
  await eventually(world, () => shelf.isConnected);
  assertEquals(idsOf(await takeExactly(await shelf.openConsumer({ queues: mailbox }), 2)), ["m1", "m2"]);
});

Deno.test("a consumer whose queue vanished while it was away goes on with the others, and without losing deliveries", async () => {
  await using world = await MemoryWorld.open(conformanceTopology(2));
  const publisher = await (await world.connect("planner")).openPublisher();
  const shelf = await world.connect("shelf");
  const consumer = await shelf.openConsumer({ queues: [{ queue: "shelf.in.p0" }, { queue: "shelf.in.p1" }] });
  const to = (id: string, slot: string) => command(id, { routingKey: `shelf.put-away.v1.k${slot}` });

  world.server.stop();
  await world.deleteQueue("shelf.in.p1");
  world.server.start();
  await publishWhenUp(world, publisher, to("m0", "00"));
  await eventually(world, () => consumer.subscribedQueues.join() === "shelf.in.p0");
  const [held] = await takeExactly(consumer, 1);
  // Long enough for the missing queue to be asked for many times.
  await world.passTime(60_000);
  world.server.closeConnections("shelf");
  await publisher.publish(to("m2", "02"));
  await eventually(world, () => consumer.subscribedQueues.join() === "shelf.in.p0");
  const [again, next] = await takeExactly(consumer, 2);
  await world.restore();
  await eventually(world, () => consumer.subscribedQueues.length === 2);
  await publisher.publish(to("m1", "01"));
  const [other] = await takeExactly(consumer, 1);
  consumer.ackThrough(other!);

  assertEquals(
    [held, again, next, other].map((delivery) => [delivery!.messageId, delivery!.isRedelivered]),
    [["m0", false], ["m0", true], ["m2", false], ["m1", false]],
  );
  assertEquals([...world.server.messagesIn("shelf.in.p0"), ...world.server.messagesIn("shelf.in.p1")], []);
});

Deno.test("a broker in memory cuts the connections of one user and leaves the others alone", async () => {
  const { world, server, planner, shelf } = await openWorld();
  await using _ = world;

  server.closeConnections("planner");
  await world.passTime(0);

  assertEquals([planner.isConnected, shelf.isConnected], [false, true]);
});

Deno.test("a broker in memory that is wiped has nothing, and works again once its topology is loaded", async () => {
  const { world, server, publisher, shelf } = await openWorld();
  await using _ = world;
  const consumer = await shelf.openConsumer({ queues: mailbox });
  await publisher.publish(command("lost"));

  server.wipe();
  assertEquals(server.messagesIn("shelf.in.p0"), []);
  await world.restore();

  assertEquals(await publishWhenUp(world, publisher, command("m1")), "confirmed");
  await eventually(world, () => consumer.subscribedQueues.length === 1);
  assertEquals(idsOf(await takeExactly(consumer, 1)), ["m1"]);
});

Deno.test("a broker in memory keeps what it cannot dead-letter until there is a way", async () => {
  const { world, server, shelf } = await openWorld();
  await using _ = world;
  const publisher = await shelf.openPublisher();
  await publisher.publish(command("m1", { exchange: retryExchange(tierMs), routingKey: "shelf.in.p0" }));

  await world.deleteQueue("shelf.in.p0");
  await world.passTime(tierMs);
  assertEquals(server.messagesIn(`shelf.retry.${tierMs}`).map(({ outgoing }) => outgoing.messageId), ["m1"]);
  await world.restore();

  assertEquals(server.messagesIn("shelf.in.p0").map(({ outgoing }) => outgoing.messageId), ["m1"]);
  assertEquals(server.messagesIn(`shelf.retry.${tierMs}`), []);
});

Deno.test("a broker in memory refuses a user that it does not know", async () => {
  const world = await MemoryWorld.open(conformanceTopology(1));
  await using _ = world;
  const connecting = rejects(world.connect("stranger"), { code: "dependency.unavailable" });
  await world.passTime(60_000);
  await connecting;
});
