import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { startInfra } from "@mesh/testing/infra";
import { AmqpWorld } from "./conformance/amqp_world.ts";
import { conformanceServices } from "./conformance/services.ts";
import { command, conformanceTopology, event, eventually } from "./conformance/world.ts";
import {
  applyTopology,
  type BrokerTopology,
  brokerTopology,
  detachedTopology,
  readLiveTopology,
  topologyDiff,
  type TopologyFinding,
} from "./mod.ts";

const infra = await startInfra({ wants: ["rabbitmq"] });
Deno.test.afterAll(() => infra.stop());

const topology = conformanceTopology(2);
const compare = async ({ management }: AmqpWorld, desired: BrokerTopology = topology) =>
  topologyDiff(desired, await readLiveTopology(management), { caller: management.user });
const written = (findings: readonly TopologyFinding[]) =>
  findings.map(({ subject, state, name }) => `${state} ${subject} ${name}`);

Deno.test("topologyDiff finds nothing on a broker that was loaded with the topology", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);

  assertEquals(await compare(world), []);
});

Deno.test("topologyDiff names what is missing, changed and foreign, and applyTopology mends it", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);
  const { management } = world;
  await management.call("DELETE", "/api/exchanges/{vhost}/planner.by-cor");
  await management.call("DELETE", "/api/queues/{vhost}/shelf.dead");
  await management.call("DELETE", "/api/policies/{vhost}/mesh.dead");
  await management.call("PUT", "/api/policies/{vhost}/shelf.in", {
    pattern: "^shelf\\.in",
    "apply-to": "queues",
    definition: { "delivery-limit": 3 },
  });
  await management.call("PUT", "/api/permissions/{vhost}/herald", { configure: ".*", write: ".*", read: ".*" });
  await management.call("DELETE", "/api/topic-permissions/{vhost}/logbook");
  await management.call("PUT", "/api/exchanges/{vhost}/stray", { type: "fanout", durable: true });
  await management.call("PUT", "/api/queues/{vhost}/stray.in", { durable: true });
  await management.call("POST", "/api/bindings/{vhost}/e/mesh.events/q/stray.in", { routing_key: "#" });

  const findings = await compare(world);
  const outcomes = await applyTopology(management, findings, { removesForeign: true });

  assertEquals(written(findings).filter((line) => !/c\d\d/.test(line)), [
    "missing exchange planner.by-cor",
    "changed policy shelf.in",
    "missing policy mesh.dead",
    "missing queue shelf.dead",
    "missing binding mesh.dead -shelf-> shelf.dead",
    "missing binding mesh.events -shelf.was-put-away.v1.#-> planner.by-cor",
    "missing topic-permission logbook on mesh.events",
    "missing topic-permission logbook on mesh.commands",
    "missing topic-permission logbook on mesh.dead",
    "missing topic-permission logbook on mesh.retry.100",
    "missing topic-permission logbook on mesh.retry.60000",
    "changed permission herald",
    "foreign binding mesh.events -#-> stray.in",
    "foreign queue stray.in",
    "foreign exchange stray",
  ]);
  const left = outcomes.filter(({ outcome }) => outcome !== "mended").map(({ finding }) => finding.name);
  // An empty queue goes at once; until the broker has counted, its emptiness is not known.
  await eventually(world, async () => {
    await applyTopology(management, await compare(world), { removesForeign: true });
    return (await compare(world)).length === 0;
  });
  assertEquals(left.filter((name) => name !== "stray.in"), []);
});

Deno.test("applyTopology leaves alone what is foreign unless told otherwise, and what waits in a queue always", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);
  const publisher = await (await world.connect("shelf")).openPublisher();
  const { management } = world;
  await management.call("PUT", "/api/queues/{vhost}/stray.in", { durable: true });
  await management.call("POST", "/api/bindings/{vhost}/e/mesh.events/q/stray.in", { routing_key: "#" });
  await publisher.publish(event("m1"));
  await eventually(world, async () => (await compare(world)).some(({ risk }) => risk.startsWith("1 messages wait")));

  const kept = await applyTopology(management, await compare(world), { removesForeign: false });
  const removed = await applyTopology(management, await compare(world), { removesForeign: true });

  const outcomesOf = (applied: typeof kept) => applied.map(({ finding, outcome }) => `${outcome} ${finding.subject}`);
  assertEquals([outcomesOf(kept), outcomesOf(removed)], [["kept binding", "kept queue"], [
    "mended binding",
    "left queue",
  ]]);
});

Deno.test("topologyDiff says that a queue made otherwise must be drained by hand", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);
  await world.deleteQueue("shelf.in.p0");
  await world.management.call("PUT", "/api/queues/{vhost}/shelf.in.p0", {
    durable: true,
    arguments: { "x-queue-type": "quorum" },
  });

  const changed = (await compare(world)).filter(({ subject }) => subject === "queue");

  assertEquals(changed.map(({ state, name, change }) => [state, name, change]), [[
    "changed",
    "shelf.in.p0",
    undefined,
  ]]);
});

Deno.test("topologyDiff sees a slot that moves as new bindings first and old ones last", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);
  const moved = {
    ...topology,
    bindings: topology.bindings.map((binding) =>
      binding.pattern === "*.*.*.k00.#" && binding.source === "shelf.by-key"
        ? { ...binding, destination: "shelf.in.p1" }
        : binding
    ),
  };

  assertEquals(written(await compare(world, moved)), [
    "missing binding shelf.by-key -*.*.*.k00.#-> shelf.in.p1",
    "foreign binding shelf.by-key -*.*.*.k00.#-> shelf.in.p0",
  ]);
});

Deno.test("detachedTopology keeps everything from one service's mailbox, and the topology attaches it again", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);
  const publisher = await (await world.connect("planner")).openPublisher();
  const outcomes = [await publisher.publish(command("m1"))];

  const detached = await compare(world, detachedTopology(topology, "shelf"));
  await applyTopology(world.management, detached, { removesForeign: true });
  outcomes.push(await publisher.publish(command("m2")));
  await applyTopology(world.management, await compare(world), { removesForeign: false });
  outcomes.push(await publisher.publish(command("m3")));

  assertEquals(outcomes, ["confirmed", "returned", "confirmed"]);
});

Deno.test("applyTopology makes missing users with the passwords given, and tells of those without", async () => {
  await using world = await AmqpWorld.open(infra.broker, topology);
  const name = `newcomer-${world.management.vhost.slice(-8)}`;
  const grown = brokerTopology([...conformanceServices, { ...conformanceServices[3]!, name }], {
    partitions: 2,
    tiersMs: [100, 60_000],
  });
  const live = await readLiveTopology(world.management);
  const diff = (passwordHashes: Record<string, string>) =>
    topologyDiff(grown, live, { caller: world.management.user, passwordHashes });

  assertEquals(diff({}).find(({ subject }) => subject === "user")?.change, undefined);
  await applyTopology(world.management, diff({ [name]: "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR" }), {
    removesForeign: false,
  });

  assertEquals(await compare(world, grown), []);
  await world.management.call("DELETE", `/api/users/${name}`);
});
