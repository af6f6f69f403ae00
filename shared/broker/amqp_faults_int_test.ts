import { deepStrictEqual as assertEquals, ok, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect as connectRaw } from "amqplib";
import { type Clock, systemClock, UnavailableError } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import { bundleContentType } from "./bundle.ts";
import { AmqpWorld } from "./conformance/amqp_world.ts";
import { command, conformanceTopology, eventually, idsOf, takeExactly } from "./conformance/world.ts";
import { connectBroker } from "./mod.ts";

const infra = await startInfra({ wants: ["rabbitmq"] });
Deno.test.afterAll(() => infra.stop());

const mailbox = [{ queue: "shelf.in.p0" }];
const openWorld = () => AmqpWorld.open(infra.broker, conformanceTopology(1));

Deno.test("a RabbitMQ broker comes back after an operator closed its connections", async () => {
  await using world = await openWorld();
  const broker = await world.connect("shelf");
  const consumer = await broker.openConsumer({ queues: mailbox });
  let reconnections = 0;
  broker.onReconnected(() => reconnections += 1);

  const closed = new Set<string>();
  await eventually(world, async () => {
    const open = await world.management.call("GET", "/api/vhosts/{vhost}/connections") as { readonly name: string }[];
    for (const { name } of open.filter((connection) => !closed.has(connection.name)).slice(0, 2 - closed.size)) {
      closed.add(name);
      await world.management.call("DELETE", `/api/connections/${encodeURIComponent(name)}`);
    }
    return closed.size === 2 && reconnections > 0 && consumer.subscribedQueues.length === 1;
  });

  const publisher = await (await world.connect("planner")).openPublisher();
  await publisher.publish(command("m1"));
  assertEquals(idsOf(await takeExactly(consumer, 1)), ["m1"]);
});

Deno.test("a RabbitMQ broker fails a publish whose confirm is late, and survives the confirm that comes later", async () => {
  await using world = await openWorld();
  const publisher = await (await world.connect("planner", { confirmLimitMs: 100 })).openPublisher();

  world.holdAnswers();
  await Promise.all(["m1", "m2"].map((id) => rejects(publisher.publish(command(id)), { reason: "confirm-late" })));
  world.proxy.release();

  await eventually(world, async () => await publisher.publish(command("m3")).catch(() => "late") === "confirmed");
});

Deno.test("a RabbitMQ broker refuses to hold more unconfirmed publishes than its window, late ones included", async () => {
  await using world = await openWorld();
  const broker = await world.connect("planner", { confirmLimitMs: 50, windowMax: 2 });
  const publisher = await broker.openPublisher();

  world.holdAnswers();
  await Promise.all(["m1", "m2"].map((id) => rejects(publisher.publish(command(id)), { reason: "confirm-late" })));
  await rejects(publisher.publish(command("m3")), { reason: "window-full" });
  world.proxy.release();

  await eventually(world, async () => await publisher.publish(command("m4")).catch(() => "full") === "confirmed");
});

Deno.test("a RabbitMQ broker says when a publish was nacked", async () => {
  await using world = await openWorld();
  await world.management.call("PUT", "/api/policies/{vhost}/full", {
    pattern: "^shelf\\.in",
    priority: 9,
    "apply-to": "queues",
    definition: { "max-length": 1, overflow: "reject-publish" },
  });
  const publisher = await (await world.connect("planner")).openPublisher();
  const outcomes = new Set<string>();

  await eventually(world, async () => {
    outcomes.add(await publisher.publish(command("m1")));
    return outcomes.has("nacked");
  });

  assertEquals([...outcomes], ["confirmed", "nacked"]);
});

Deno.test("a RabbitMQ broker that blocks publishing is not published to until it unblocks", async () => {
  await using world = await openWorld();
  const publisher = await (await world.connect("planner")).openPublisher();
  await publisher.publish(command("m1"));

  await world.proxy.inject(methodFrame(10, 60, [3, ...new TextEncoder().encode("low")]));
  await eventually(world, () => publisher.isBlocked);
  await rejects(publisher.publish(command("m2")), { reason: "blocked" });
  await world.proxy.inject(methodFrame(10, 61, []));
  await eventually(world, () => !publisher.isBlocked);

  assertEquals(await publisher.publish(command("m3")), "confirmed");
});

Deno.test("a RabbitMQ broker is closed within bounds although the server answers nothing", async () => {
  await using world = await openWorld();
  const clock: Clock = { ...systemClock, delay: (durationMs, signal) => systemClock.delay(durationMs / 50, signal) };
  const broker = await world.connect("shelf", { clock });
  const publisher = await broker.openPublisher();
  const consumer = await broker.openConsumer({ queues: mailbox });
  world.holdAnswers();
  const unconfirmed = rejects(
    publisher.publish(command("m1", { routingKey: "shelf.fire-timer.v1.k00" })),
    UnavailableError,
  );

  await broker[Symbol.asyncDispose]();

  await unconfirmed;
  assertEquals(await consumer.take(1), []);
});

Deno.test("a RabbitMQ broker ignores an answer that comes while its channel is being closed", async () => {
  await using world = await openWorld();
  const answers: (() => void)[] = [];
  const thrown: unknown[] = [];
  const answer = (give: () => void) => {
    try {
      give();
    } catch (error) {
      thrown.push(error);
    }
  };
  // Waiting for the answer to its goodbye is what a channel does while it is being closed.
  const isGoodbye = (durationMs: number) => durationMs === 5_000;
  const delay: Clock["delay"] = (durationMs, signal) => {
    if (isGoodbye(durationMs)) answers.splice(0).forEach(answer);
    return systemClock.delay(durationMs, signal);
  };
  const consumer = await (await world.connect("shelf", { clock: { ...systemClock, delay } }))
    .openConsumer({ queues: mailbox });
  const publisher = await (await world.connect("planner")).openPublisher();
  await Promise.all(["m1", "m2"].map((id) => publisher.publish(command(id))));
  const [first, second] = await takeExactly(consumer, 2);
  answers.push(() => consumer.ackThrough(first!), () => consumer.reject(second!, true));

  await world.deleteQueue("shelf.in.p0");
  await eventually(world, () => answers.length === 0);

  assertEquals(thrown, []);
});

Deno.test("a RabbitMQ broker that cannot be had is given up after the limit, with the reason", async () => {
  await using world = await openWorld();
  const options = { connectionName: "nobody", clock: systemClock, connectLimitMs: 300 };
  const wrongPassword = world.urlOf("shelf").replace(/:[^:@]+@/, ":wrong@");
  const closedPort = "amqp://shelf:secret@127.0.0.1:1/mesh";

  await rejects(connectBroker({ ...options, url: wrongPassword }), /ACCESS[_-]REFUSED/);
  await rejects(connectBroker({ ...options, url: closedPort }), UnavailableError);
  await rejects(connectBroker({ ...options, url: closedPort, signal: AbortSignal.abort() }), UnavailableError);
});

Deno.test("a RabbitMQ broker is waited for until it lets the user in", async () => {
  await using world = await openWorld();
  const url = world.urlOf("shelf");
  const attempts: string[] = [];
  const connecting = connectBroker({
    url: url.replace(/\/[^/]*$/, "/later"),
    connectionName: "early",
    clock: systemClock,
    logger: { info: () => {}, warn: (message) => attempts.push(message) },
  });

  await eventually(world, () => attempts.length >= 2);
  await world.management.call("PUT", "/api/vhosts/later");
  await world.management.call("PUT", "/api/permissions/later/shelf", { configure: "^$", write: "^$", read: "^$" });

  await using broker = await connecting;
  ok(broker.isConnected);
  await world.management.call("DELETE", "/api/vhosts/later");
});

Deno.test("a service's user may not pose as another, declare, bind or purge", async () => {
  await using world = await openWorld();
  const model = await connectRaw(world.urlOf("shelf"));
  model.on("error", () => {});
  const codeOf = async (
    misuse: (channel: Awaited<ReturnType<typeof model.createConfirmChannel>>) => Promise<unknown>,
  ) => {
    const channel = await model.createConfirmChannel();
    const code = new Promise((resolve) => channel.on("error", (error) => resolve((error as { code?: unknown }).code)));
    misuse(channel).catch(() => {});
    return await code;
  };

  const codes = [
    await codeOf((channel) => {
      channel.publish("mesh.events", "shelf.was-put-away.v1.k00.c00", Buffer.from(""), { userId: "planner" });
      return Promise.resolve();
    }),
    await codeOf((channel) => channel.assertQueue("shelf.in.p9")),
    await codeOf((channel) => channel.assertExchange("shelf.own", "topic")),
    await codeOf((channel) => channel.bindQueue("shelf.in.p0", "mesh.events", "#")),
    await codeOf((channel) => channel.bindExchange("shelf.by-key", "mesh.events", "#")),
    await codeOf((channel) => channel.deleteQueue("shelf.in.p0")),
    await codeOf((channel) => channel.consume("planner.in.p0", () => {})),
  ];
  await model.close();

  assertEquals(codes, [406, 403, 403, 403, 403, 403, 403]);
});

Deno.test("a RabbitMQ broker hands over a bundle that it cannot read as one delivery, and goes on", async () => {
  await using world = await openWorld();
  const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailbox });
  const model = await connectRaw(world.urlOf("planner"));
  const channel = await model.createConfirmChannel();
  const { routingKey } = command("m1");

  channel.publish("mesh.commands", routingKey, Buffer.from("no bundle"), {
    contentType: bundleContentType,
    messageId: "m1",
    userId: "planner",
  });
  await channel.waitForConfirms();
  await model.close();
  await (await (await world.connect("planner")).openPublisher()).publish(command("m2"));

  const deliveries = await takeExactly(consumer, 2);
  assertEquals(deliveries.map(({ messageId, body }) => [messageId, new TextDecoder().decode(body)]), [
    ["m1", "no bundle"],
    ["m2", "body of m2"],
  ]);
});

/** A method frame on channel 0, as the server sends it. */
function methodFrame(classId: number, methodId: number, args: readonly number[]): Uint8Array {
  const payload = [0, classId, 0, methodId, ...args];
  return new Uint8Array([1, 0, 0, 0, 0, 0, payload.length, ...payload, 0xce]);
}
