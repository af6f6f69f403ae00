import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { type Clock, systemClock } from "@mesh/base";
import { AmqpProxy, type FaultName, faultNames, type FaultRates, proxiedUrl } from "@mesh/testing/amqp-proxy";
import { startInfra } from "@mesh/testing/infra";
import { AmqpWorld } from "./conformance/amqp_world.ts";
import { command, conformanceTopology, eventually, takeExactly } from "./conformance/world.ts";
import type { Broker, Consumer, OutgoingMessage, Publisher } from "./mod.ts";

const infra = await startInfra({ wants: ["rabbitmq"] });
Deno.test.afterAll(() => infra.stop());

/** Waits for confirms and before the next attempt are a twentieth: a confirm is late after half a second. */
const clock: Clock = { ...systemClock, delay: (durationMs, signal) => systemClock.delay(durationMs / 20, signal) };

/**
 * 8: each lost connection counts as a failed delivery of everything that lies unanswered, and the broker allows ten. With
 * few under way a message is past before the connection has been lost so often.
 */
const prefetch = 8;

/** Two users of a broker behind a proxy. */
class ProxiedWorld implements AsyncDisposable {
  readonly #world: AmqpWorld;
  readonly proxy: AmqpProxy;
  readonly received = new Map<string, number>();
  readonly #brokers: readonly Broker[];
  readonly #publisher: Publisher;
  readonly #taking: Promise<void>;
  readonly #stop = new AbortController();

  private constructor(
    world: AmqpWorld,
    { proxy, brokers, publisher, consumer }: {
      readonly proxy: AmqpProxy;
      readonly brokers: readonly Broker[];
      readonly publisher: Publisher;
      readonly consumer: Consumer;
    },
  ) {
    this.#world = world;
    this.proxy = proxy;
    this.#brokers = brokers;
    this.#publisher = publisher;
    this.#taking = this.#take(consumer);
  }

  static async open(): Promise<ProxiedWorld> {
    const world = await AmqpWorld.open(infra.broker, conformanceTopology(1));
    const proxy = new AmqpProxy({
      target: { hostname: "127.0.0.1", port: world.proxy.port },
      seed: 7,
      heartbeatMaxSeconds: 1,
      durations: { stall: [200, 4_000], block: [20, 200], delayConfirm: [5, 100], dropConfirm: [5, 100] },
    });
    const [planner, shelf] = await Promise.all(
      ["planner", "shelf"].map((user) => world.connect(user, { url: proxiedUrl(world.urlOf(user), proxy), clock })),
    ) as [Broker, Broker];
    return new ProxiedWorld(world, {
      proxy,
      brokers: [planner, shelf],
      publisher: await planner.openPublisher({ bundleMax: 4 }),
      consumer: await shelf.openConsumer({ queues: [{ queue: "shelf.in.p0" }], prefetch }),
    });
  }

  /** Publishes until it is confirmed, as an outbox does. */
  async send(message: OutgoingMessage): Promise<void> {
    for (;;) {
      const outcome = await this.#publisher.publish(message).catch(() => "unknown");
      if (outcome === "confirmed") return;
      await systemClock.delay(10);
    }
  }

  async until(isSo: () => boolean): Promise<void> {
    await eventually(this.#world, isSo);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.setRates({});
    this.#stop.abort();
    await this.#taking;
    await Promise.all(this.#brokers.map((broker) => broker[Symbol.asyncDispose]()));
    await this.proxy[Symbol.asyncDispose]();
    await this.#world[Symbol.asyncDispose]();
  }

  async #take(consumer: Consumer): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const deliveries = await consumer.take(16, signal);
      for (const { messageId } of deliveries) this.received.set(messageId!, (this.received.get(messageId!) ?? 0) + 1);
      if (deliveries.length > 0) consumer.ackThrough(deliveries.at(-1)!);
    }
  }
}

for (const fault of faultNames) {
  Deno.test(`every message that a RabbitMQ broker confirms arrives in spite of ${fault}`, async () => {
    await using world = await ProxiedWorld.open();
    const sent = Array.from({ length: 5 }, (_, at) => [`a${at}`, `b${at}`]).flat();

    world.proxy.order(fault);
    for (const id of sent) {
      const { routingKey } = command(id);
      // A second key, for what overtakes.
      await world.send(command(id, id.startsWith("b") ? { routingKey: routingKey.replace(/k\d+$/, "k07") } : {}));
    }
    await world.until(() => sent.every((id) => world.received.has(id)));

    assertEquals([...world.received.keys()].sort(), sent.sort());
  });
}

Deno.test("a RabbitMQ broker subscribes again to a queue whose consumer is cancelled as soon as it was there", async () => {
  await using world = await AmqpWorld.open(infra.broker, conformanceTopology(1));
  await using proxy = new AmqpProxy({ target: { hostname: "127.0.0.1", port: world.proxy.port }, seed: 7 });
  const publisher = await (await world.connect("planner")).openPublisher();
  const url = proxiedUrl(world.urlOf("shelf"), proxy);

  // The first delivery, and with it the cancellation, follows so closely that client and test see them together.
  for (let round = 0; round < 10; round += 1) {
    await publisher.publish(command(`m${round}`));
    proxy.order("cancel-consumer");
    const broker = await world.connect("shelf", { url, clock });
    const consumer = await broker.openConsumer({ queues: [{ queue: "shelf.in.p0" }] });

    const [delivery] = await takeExactly(consumer, 1);

    consumer.ackThrough(delivery!);
    assertEquals(delivery!.messageId, `m${round}`);
    await broker[Symbol.asyncDispose]();
  }
  assertEquals(proxy.fired["cancel-consumer"], 10);
});

/** Those that end a connection are rarer: coming back takes a while. */
const rates: FaultRates = {
  "duplicate-publish": 0.06,
  "reorder-publishes": 0.06,
  "return-publish": 0.06,
  "cut-publish": 0.01,
  "block": 0.02,
  "delay-confirm": 0.06,
  "reorder-confirms": 0.06,
  "drop-confirm": 0.01,
  "nack-confirm": 0.06,
  "cut-delivery": 0.01,
  "lose-ack": 0.01,
  "cancel-consumer": 0.02,
  "close-channel": 0.015,
  "close-connection": 0.01,
  "stall": 0.004,
};

Deno.test("every message that a RabbitMQ broker confirms arrives when everything goes wrong at once", async () => {
  await using world = await ProxiedWorld.open();
  const sent = Array.from({ length: 1_000 }, (_, at) => `m${at}`);
  const later = 100;
  const waiting = [...sent.keys()].slice(0, -later);
  const work = async () => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
      const { routingKey } = command("m");
      const slot = `k0${at % 8}`;
      await world.send(command(sent[at]!, {
        routingKey: routingKey.replace(/k\d+$/, slot),
        ...(at % 2 === 0 ? { bundleKey: "all", orderKey: slot } : {}),
      }));
    }
  };

  world.proxy.setRates(rates);
  await Promise.all(Array.from({ length: 16 }, work));
  const neverCame = () =>
    Object.entries(world.proxy.fired).flatMap(([name, count]) => count === 0 ? [name as FaultName] : []);
  // What chance has left out comes to the last messages.
  for (const name of neverCame()) world.proxy.order(name);
  waiting.push(...[...sent.keys()].slice(-later));
  await Promise.all(Array.from({ length: 16 }, work));
  world.proxy.setRates({});
  await world.until(() => sent.every((id) => world.received.has(id)));

  assertEquals([...world.received.keys()].sort(), sent.sort());
  assert(neverCame().length === 0, `these faults never came: ${neverCame().join(", ")}`);
  assert([...world.received.values()].some((count) => count > 1), "nothing came twice");
});
