import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { encodeMethod, methods } from "./method.ts";
import { said, ScriptedPeers } from "./scripted_peers.ts";

function consumer(): ScriptedPeers {
  const peers = new ScriptedPeers();
  peers.consumes("c1");
  peers.consumes("c2");
  return peers;
}

Deno.test("a connection ends in the middle of a delivery", () => {
  const peers = consumer();
  peers.faults.order("cut-delivery");
  const whole = said.deliver("c1", 1);

  peers.broker(whole);

  const part = peers.bytesOf("to-client");
  assert(part.length > 0 && part.length < whole.length);
  assert(peers.isCut);
});

Deno.test("an answer to a delivery is lost with its connection", () => {
  const peers = consumer();
  peers.faults.order("lose-ack");

  peers.broker(said.deliver("c1", 1), said.deliver("c1", 2));
  peers.client(said.ack(2, true), said.ack(3));

  assertEquals(peers.brokerHeard, []);
  assert(peers.isCut);
});

Deno.test("a consumer is cancelled: the broker gets back what it still sends to it, others go on", () => {
  const peers = consumer();
  peers.faults.order("cancel-consumer");

  peers.broker(said.deliver("c1", 1), said.deliver("c1", 2), said.deliver("c2", 3));
  assertEquals(peers.clientHeard, ["basicCancel c1", "basicDeliver c2 3"]);
  assertEquals(peers.brokerHeard, ["basicCancel c1", "basicReject 1 and more", "basicReject 2 and more"]);
  peers.broker(said.cancelOk("c1"));

  assertEquals(peers.clientHeard, []);
});

Deno.test("a cancellation that the client has asked for is answered", () => {
  const peers = consumer();
  peers.faults.order("cancel-consumer");

  peers.client(encodeMethod(1, methods.basicCancel, [{ shortText: "c1" }, { octet: 0 }]));
  peers.broker(said.deliver("c1", 1), said.cancelOk("c1"));

  assertEquals(peers.clientHeard, ["basicDeliver c1 1", "basicCancelOk"]);
  assertEquals(peers.countOf("cancel-consumer"), 0);
});
