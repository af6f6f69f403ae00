import { deepStrictEqual as assertEquals, ok, strictEqual as assertEqual, throws } from "node:assert/strict";
import { emitPolicy, peersOf, serviceNamed, services, shopTopology } from "./topology.ts";

const names = services.map(({ name }) => name);
const label = ({ type, version }: { type: string; version: number }) => `${type}#${version}`;

Deno.test("every folder of services is a service of the shop, under its own name", async () => {
  const folders = (await Array.fromAsync(Deno.readDir("services"))).filter(({ isDirectory }) => isDirectory);

  assertEquals(folders.map(({ name }) => name).sort(), [...names].sort());
});

Deno.test("no two services share a port", () => {
  const ports = services.flatMap(({ internalPort, publicPort }) =>
    publicPort === undefined ? [internalPort] : [internalPort, publicPort]
  );

  assertEqual(new Set(ports).size, ports.length);
});

Deno.test("every command that is sent is accepted by its owner, and every event that is heard is published", () => {
  const accepted = new Set(services.flatMap(({ accepts }) => accepts.map(label)));
  const published = new Set(services.flatMap(({ publishes }) => publishes.map(label)));
  const unheard = services.flatMap(({ sends }) => sends.map(label)).filter((one) => !accepted.has(one));
  const unsaid = services.flatMap(({ subscribes }) => subscribes.map(({ event }) => label(event)))
    .filter((one) => !published.has(one));

  assertEquals([unheard, unsaid], [[], []]);
});

Deno.test("every command is sent by somebody, from outside, or by the service to itself over HTTP", () => {
  const sent = new Set(services.flatMap(({ sends }) => sends.map(label)));
  // What users accepts comes over its internal port, and a refund is an operator's decision.
  const silent = services.filter(({ name }) => name !== "users").flatMap(({ accepts }) => accepts.map(label))
    .filter((one) => !sent.has(one));

  assertEquals(silent, ["payments.refund-payment#1"]);
});

Deno.test("a service calls only services that there are, and the owners of what it hears are among its peers", () => {
  for (const service of services) {
    const owners = service.subscribes.map(({ event }) => event.service);
    const wanted = new Set([...service.calls, ...owners]);
    const peers = new Set(peersOf(service));

    assertEquals([...wanted].filter((name) => !peers.has(name)), [], service.name);
    assertEqual(peers.has(service.name), false);
  }
});

Deno.test("the policy lets exactly those call that the environment gives an address", () => {
  const edges = emitPolicy().calls.map(({ from, to }) => `${from} ${to}`).sort();
  const addresses = services.flatMap((service) => peersOf(service).map((peer) => `${service.name} ${peer}`)).sort();

  assertEquals(edges, addresses);
});

Deno.test("one service alone may publish an event, and it is the owner of its name", () => {
  const events = emitPolicy().rules.filter(({ typ }) => typ === "mesh-event+jwt");

  assertEquals(events.filter(({ iss, sch }) => !sch.startsWith(`${iss}.`)), []);
  assertEqual(new Set(events.map(({ sch }) => sch)).size, events.length);
});

Deno.test("each service has one user at the broker, and reads no other's queues", () => {
  const { users, queues } = shopTopology(2);

  assertEquals(users.map(({ name }) => name).sort(), [...names].sort());
  for (const { name, read } of users) {
    const readable = queues.map((queue) => queue.name).filter((queue) => new RegExp(read).test(queue));
    ok(readable.every((queue) => queue.startsWith(`${name}.`)), `${name} may read ${readable.join(", ")}`);
  }
});

Deno.test("partitions multiply mailboxes and nothing else", () => {
  const mailboxes = (count: number) => shopTopology(count).queues.filter(({ name }) => /\.in\.p\d+$/.test(name)).length;

  assertEqual(mailboxes(8), 8 * mailboxes(1));
  assertEqual(
    shopTopology(8).queues.length - mailboxes(8),
    shopTopology(1).queues.length - mailboxes(1),
  );
});

Deno.test("a service that there is not is told with those that there are", () => {
  throws(() => serviceNamed("warehouse"), /Cannot find service "warehouse": there are gateway, users/);
});
