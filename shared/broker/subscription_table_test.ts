import { deepStrictEqual as assertEquals } from "node:assert/strict";
import fc from "fast-check";
import { conformanceServices } from "./conformance/services.ts";
import { MemoryRouter } from "./memory_router.ts";
import { brokerTopology, subscriptionTable } from "./mod.ts";

const router = new MemoryRouter(brokerTopology(conformanceServices, { partitions: 2 }).bindings);

Deno.test("subscriptionTable says of well-formed destinations what the broker's bindings say", () => {
  const slot = fc.integer({ min: 0, max: 63 }).map((number) => String(number).padStart(2, "0"));
  const types = ["shelf.put-away", "shelf.was-put-away", "shelf.was-dusted", "planner.fire-timer", "nobody.vanish"];
  const stem = fc.tuple(fc.constantFrom(...types), fc.integer({ min: 1, max: 2 }), slot)
    .map(([type, version, k]) => `${type}.v${version}.k${k}`);
  const destination = fc.oneof(
    stem.map((routingKey) => ({ exchange: "mesh.commands", routingKey })),
    fc.tuple(stem, slot).map(([key, c]) => ({ exchange: "mesh.events", routingKey: `${key}.c${c}` })),
  );
  fc.assert(fc.property(destination, fc.constantFrom(...conformanceServices), ({ exchange, routingKey }, service) => {
    const queues = [...router.queuesFor(exchange, routingKey)];
    const isBound = queues.some((queue) => queue.startsWith(`${service.name}.`));
    return subscriptionTable(service)({ exchange, routingKey }) === isBound;
  }));
});

Deno.test("subscriptionTable refuses destinations that only resemble its own", () => {
  const takes = subscriptionTable(conformanceServices.find(({ name }) => name === "planner")!);
  const destinations = [
    { exchange: "mesh.events", routingKey: "shelf.was-put-away.v1.k00.c00" },
    { exchange: "mesh.commands", routingKey: "shelf.was-put-away.v1.k00.c00" },
    { exchange: "mesh.events", routingKey: "shelf.was-put-away.v1.k00" },
    { exchange: "mesh.events", routingKey: "shelf.was-put-away.v1.k00.c00.x" },
    { exchange: "mesh.events", routingKey: "shelf.was-put-away.v1.c00.k00" },
    { exchange: "", routingKey: "planner.in.p0" },
    { exchange: "planner.by-cor", routingKey: "shelf.was-put-away.v1.k00.c00" },
  ];
  assertEquals(destinations.map(takes), [true, false, false, false, false, false, false]);
});
