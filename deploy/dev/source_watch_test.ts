import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { affectedBy } from "./source_watch.ts";

const services = ["gateway", "orders"];

Deno.test("a file of a service restarts that service", () => {
  assertEquals(affectedBy(["services/orders/actor.ts", "services/orders/adapters/x.ts"], services), {
    restart: ["orders"],
    needsNewStart: [],
  });
});

Deno.test("a file of the mesh, or a contract, restarts every service", () => {
  assertEquals(affectedBy(["shared/runtime/turn_loop.ts"], services).restart, "all");
  assertEquals(affectedBy(["services/orders/contract.ts"], services).restart, "all");
});

Deno.test("tests, fixtures and documents restart nothing", () => {
  const paths = [
    "shared/runtime/turn_loop_test.ts",
    "services/orders/orders_fixture.ts",
    "services/orders/README.md",
    "shared/testing/given.ts",
    "services/.hidden",
  ];

  assertEquals(affectedBy(paths, services), { restart: [], needsNewStart: [] });
});

Deno.test("the simulators are restarted by their own files", () => {
  assertEquals(affectedBy(["tests/simulators/carrier.ts"], services).restart, ["simulators"]);
});

Deno.test("what shapes rights, routes and tables needs a new start, and says so", () => {
  const paths = ["services/orders/service.ts", "shared/store/migrations/0009_x.sql", "deploy/topology.ts"];

  assertEquals(affectedBy(paths, services), { restart: ["orders"], needsNewStart: paths });
});
