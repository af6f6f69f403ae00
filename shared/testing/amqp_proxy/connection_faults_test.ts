import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { encodeClose, encodeMethod, methods } from "./method.ts";
import { said, ScriptedPeers } from "./scripted_peers.ts";

function publisher(): ScriptedPeers {
  const peers = new ScriptedPeers({ durations: { block: [100, 100], stall: [30_000, 30_000] } });
  peers.confirms();
  return peers;
}

Deno.test("a channel is closed on both sides, and its number is free when both have said so", () => {
  const peers = publisher();
  peers.faults.order("close-channel");

  peers.client(said.publish("a"), said.publish("b"));
  assertEquals(peers.clientHeard, ["channelClose 406"]);
  assertEquals(peers.brokerHeard, ["channelClose 200"]);
  peers.broker(said.ack(1));
  peers.client(said.channelCloseOk, said.channelOpen);
  assertEquals([peers.clientHeard, peers.brokerHeard], [[], []]);
  peers.broker(said.channelCloseOk);

  assertEquals(peers.brokerHeard, ["channelOpen"]);
  assertEquals(peers.clientHeard, []);
});

Deno.test("a channel that both sides close at the same moment is closed once", () => {
  const peers = publisher();
  peers.faults.order("close-channel");

  peers.client(said.publish("a"), encodeClose(1, { code: 200, text: "bye" }));
  assertEquals(peers.clientHeard, ["channelClose 406", "channelCloseOk"]);
  peers.broker(encodeClose(1, { code: 404, text: "no" }), said.channelCloseOk);
  assertEquals(peers.brokerHeard, ["channelClose 200", "channelCloseOk"]);
  peers.client(said.channelCloseOk, said.channelOpen);

  assertEquals(peers.brokerHeard, ["channelOpen"]);
});

Deno.test("a new channel counts its publishes from 1", () => {
  const peers = publisher();
  peers.client(said.publish("a"), encodeClose(1, { code: 200, text: "bye" }));
  peers.broker(said.channelCloseOk);
  peers.client(said.channelOpen);
  peers.confirms();

  peers.client(said.publish("b"));
  peers.broker(said.ack(1));

  assertEquals(peers.clientHeard, ["basicAck 1"]);
});

Deno.test("a connection is closed on both sides and ends when both have said so", () => {
  const peers = publisher();
  peers.faults.order("close-connection");

  peers.client(said.publish("a"), said.publish("b"));
  assertEquals(peers.brokerHeard, ["connectionClose 200"]);
  const [close, ...more] = peers.clientHeard;
  assert(close === "connectionClose 320" || close === "connectionClose 541", close);
  peers.broker(said.ack(1), said.closeOk);
  assert(!peers.isCut);
  peers.client(said.closeOk);

  assert(peers.isCut);
  assertEquals([more, peers.brokerHeard], [[], []]);
});

Deno.test("a connection whose peer does not answer the goodbye ends all the same", async () => {
  const peers = publisher();
  peers.faults.order("close-connection");

  peers.client(said.publish("a"), said.closeOk);
  await peers.clock.advance(2_000);

  assert(peers.isCut);
});

Deno.test("a blocked connection is read again when it is unblocked", async () => {
  const peers = publisher();
  peers.faults.order("block");

  peers.client(said.publish("a"), said.publish("b"));
  peers.broker(said.ack(1));
  assertEquals(peers.brokerHeard, ["basicPublish a"]);
  assertEquals(peers.clientHeard, ["connectionBlocked low on memory", "basicAck 1"]);
  await peers.clock.advance(100);

  assertEquals(peers.brokerHeard, ["basicPublish b"]);
  assertEquals(peers.clientHeard, ["connectionUnblocked"]);
});

Deno.test("a stalled connection passes nothing in one direction or in both, and then everything in its order", async () => {
  const seen = new Set<string>();
  for (let round = 0; round < 20; round += 1) {
    const peers = publisher();
    for (let draw = 0; draw < round; draw += 1) peers.faults.whole(0, 1);
    peers.faults.order("stall");

    peers.client(said.publish("a"), said.publish("b"));
    peers.broker(encodeMethod(1, methods.basicNack, [{ longLong: 9 }, { octet: 0 }]));
    peers.broker(encodeMethod(0, methods.connectionUnblocked));
    const [client, broker] = [peers.clientHeard.length, peers.brokerHeard.length];
    seen.add(`${client} ${broker}`);
    await peers.clock.advance(30_000);

    assertEquals(client + peers.clientHeard.length, 1);
    assertEquals(broker + peers.brokerHeard.length, 2);
  }
  assertEquals([...seen].sort(), ["0 0", "0 2", "1 0"]);
});

Deno.test("a side that ends during a stall is missed by the other one until the stall is over", async () => {
  const peers = new ScriptedPeers({ durations: { stall: [1_000, 1_000] } });
  peers.confirms();
  for (;;) {
    peers.faults.order("stall");
    peers.client(said.publish("a"));
    if (peers.brokerHeard.length === 0) break;
    await peers.clock.advance(1_000);
  }

  peers.connection.finish("to-broker");
  assert(!peers.isCut);
  await peers.clock.advance(1_000);

  assert(peers.isCut);
});

Deno.test("a proxy that is closed during a stall waits for nothing any more", async () => {
  const peers = new ScriptedPeers({ durations: { stall: [1_000, 1_000] } });
  peers.confirms();
  peers.faults.order("stall");
  peers.client(said.publish("a"));
  assertEquals(peers.clock.waitingCount, 1);

  peers.connection.end();
  await Promise.resolve();

  assertEquals([peers.isCut, peers.clock.waitingCount], [true, 0]);
});

Deno.test("the interval of heartbeats that the broker proposes is shortened", () => {
  const peers = new ScriptedPeers({ heartbeatMaxSeconds: 2 });

  peers.broker(said.tune);

  assertEquals(peers.clientHeard, ["connectionTune 2047 2 0 2"]);
});

Deno.test("nothing strikes before a connection is open", () => {
  const peers = new ScriptedPeers();
  peers.client(encodeClose(0, { code: 200, text: "bye" }));
  peers.forget();
  peers.confirms();
  peers.faults.order("cut-publish");

  peers.client(said.publish("a"));

  assertEquals(peers.brokerHeard, ["basicPublish a"]);
  assert(!peers.isCut);
});

Deno.test("faults come at their rates, and the same seed draws the same ones", () => {
  const drawn = (seed: number) => {
    const peers = new ScriptedPeers();
    peers.faults.setRates({ "nack-confirm": 0.2 });
    for (let draw = 0; draw < seed; draw += 1) peers.faults.whole(0, 1);
    peers.confirms();
    for (let count = 1; count <= 200; count += 1) {
      peers.client(said.publish("a"));
      peers.broker(said.ack(count));
    }
    return peers.clientHeard;
  };

  const [one, again, other] = [drawn(1), drawn(1), drawn(2)];
  const count = one.filter((words) => words.startsWith("basicNack")).length;

  assertEquals(one, again);
  assert(count > 20 && count < 60, String(count));
  assert(one.join() !== other.join());
});
