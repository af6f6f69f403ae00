import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { said, ScriptedPeers } from "./scripted_peers.ts";

function publisher(): ScriptedPeers {
  const peers = new ScriptedPeers({ durations: { delayConfirm: [100, 100], dropConfirm: [200, 200] } });
  peers.confirms();
  return peers;
}

Deno.test("what suffers no fault passes byte for byte, confirms of many at once included", () => {
  const peers = publisher();

  peers.client(said.publish("a", true), said.publish("b"));
  peers.broker(said.ack(2, true));

  assertEquals(peers.bytesOf("to-broker"), concat(said.publish("a", true), said.publish("b")));
  assertEquals(peers.clientHeard, ["basicAck 2 and more"]);
});

Deno.test("a publish that is doubled is confirmed once, when the broker has confirmed both", () => {
  const peers = publisher();
  peers.faults.order("duplicate-publish");

  peers.client(said.publish("a"), said.publish("b"));
  assertEquals(peers.brokerHeard, ["basicPublish a", "basicPublish a", "basicPublish b"]);
  peers.broker(said.ack(1));
  assertEquals(peers.clientHeard, []);
  peers.broker(said.ack(3), said.ack(2));

  assertEquals(peers.clientHeard, ["basicAck 2", "basicAck 1"]);
  assertEquals(peers.countOf("duplicate-publish"), 1);
});

Deno.test("a publish is overtaken by one with another key, and each confirm finds its own", () => {
  const peers = publisher();
  peers.faults.order("reorder-publishes");

  peers.client(said.publish("a"), said.publish("b"));
  assertEquals(peers.brokerHeard, ["basicPublish b", "basicPublish a"]);
  peers.broker(said.refusal(1), said.ack(2));

  assertEquals(peers.clientHeard, ["basicNack 2", "basicAck 1"]);
  assertEquals(peers.countOf("reorder-publishes"), 1);
});

Deno.test("a publish is not overtaken by one with its own key, and does not wait for ever", async () => {
  const peers = publisher();

  peers.faults.order("reorder-publishes");
  peers.client(said.publish("a"), said.publish("a"));
  assertEquals(peers.brokerHeard, ["basicPublish a", "basicPublish a"]);
  peers.faults.order("reorder-publishes");
  peers.client(said.publish("b"));
  assertEquals(peers.brokerHeard, []);
  await peers.clock.advance(50);

  assertEquals(peers.brokerHeard, ["basicPublish b"]);
  assertEquals(peers.countOf("reorder-publishes"), 0);
});

Deno.test("a mandatory publish that is returned is confirmed after it and never reaches the broker", () => {
  const peers = publisher();
  peers.faults.order("return-publish");

  peers.client(said.publish("optional"), said.publish("a", true), said.publish("b"));
  peers.broker(said.ack(2, true));

  assertEquals(peers.brokerHeard, ["basicPublish optional", "basicPublish b"]);
  assertEquals(peers.clientHeard, [
    "basicReturn 312 NO_ROUTE mesh.commands a",
    "basicAck 2",
    "basicAck 3 and more",
  ]);
});

Deno.test("a confirm that is late is not covered by younger ones", async () => {
  const peers = publisher();
  peers.faults.order("delay-confirm");

  peers.client(said.publish("a"), said.publish("b"), said.publish("c"));
  peers.broker(said.ack(3, true));
  assertEquals(peers.clientHeard, ["basicAck 2", "basicAck 3"]);
  await peers.clock.advance(100);

  assertEquals(peers.clientHeard, ["basicAck 1"]);
});

Deno.test("a confirm is told after the next one, or alone when there is none", async () => {
  const peers = publisher();

  peers.faults.order("reorder-confirms");
  peers.client(said.publish("a"), said.publish("b"));
  peers.broker(said.ack(1), said.ack(2));
  assertEquals(peers.clientHeard, ["basicAck 2", "basicAck 1"]);
  peers.faults.order("reorder-confirms");
  peers.client(said.publish("c"));
  peers.broker(said.ack(3));
  await peers.clock.advance(50);

  assertEquals(peers.clientHeard, ["basicAck 3"]);
  assertEquals(peers.countOf("reorder-confirms"), 1);
});

Deno.test("after a confirm that was dropped the connection ends, and the confirm never comes", async () => {
  const peers = publisher();
  peers.faults.order("drop-confirm");

  peers.client(said.publish("a"), said.publish("b"));
  peers.broker(said.ack(2, true));
  await peers.clock.advance(199);
  assert(!peers.isCut);
  await peers.clock.advance(1);

  assert(peers.isCut);
  assertEquals(peers.clientHeard, ["basicAck 2"]);
});

Deno.test("a publish is nacked although the broker has taken it", () => {
  const peers = publisher();
  peers.faults.order("nack-confirm");

  peers.client(said.publish("a"), said.publish("b"));
  peers.broker(said.ack(2, true));

  assertEquals(peers.clientHeard, ["basicNack 1", "basicAck 2"]);
});

Deno.test("a connection ends in the middle of a publish", () => {
  const peers = publisher();
  peers.faults.order("cut-publish");
  const whole = said.publish("a");

  peers.client(whole, said.publish("b"));

  const part = peers.bytesOf("to-broker");
  assert(part.length > 0 && part.length < whole.length);
  assertEquals(part, whole.subarray(0, part.length));
  assert(peers.isCut);
});

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
