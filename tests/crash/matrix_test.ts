import { deepStrictEqual as assertEquals, ok as assert, throws as assertThrows } from "node:assert/strict";
import { services } from "@jangteo/deploy/topology";
import { crashPoints, pointNamed } from "./crash_points.ts";
import { lanesOf, matrixOf, passesOf } from "./matrix.ts";

const matrix = matrixOf(services);
const namesOf = (service: string) => matrixOf(services, { services: [service] }).map(({ point }) => point.name);

Deno.test("the matrix holds every point at least once, and every process", () => {
  assertEquals(new Set(matrix.map(({ point }) => point.name)), new Set(crashPoints.map(({ name }) => name)));
  assertEquals(new Set(matrix.map(({ service }) => service)), new Set(services.map(({ name }) => name)));
});

Deno.test("points have names of their own, and an unknown one is refused", () => {
  assertEquals(new Set(crashPoints.map(({ name }) => name)).size, crashPoints.length);
  assertThrows(() => pointNamed("before lunch"), /RangeError: Cannot find crash point "before lunch"/);
});

Deno.test("who calls nobody outside has no point there, and only the orchestrator has timers", () => {
  assert(namesOf("payments").includes("before the call"));
  assert(!namesOf("orders").includes("before the call"));
  assertEquals(
    matrix.filter(({ point }) => point.name === "timer due").map(({ service }) => service),
    ["orchestrator"],
  );
});

Deno.test("users hears nothing over the broker, so that it has no delivery and no acknowledgement", () => {
  assertEquals(namesOf("users").filter((name) => name === "delivered" || name.endsWith(" ack")), []);
});

Deno.test("a filter keeps what both of its lists name", () => {
  const kept = matrixOf(services, { services: ["orders", "audit"], points: ["delivered", "before ingest"] });
  assertEquals(kept.map(({ service, point }) => [service, point.name]), [
    ["orders", "delivered"],
    ["audit", "before ingest"],
  ]);
});

Deno.test("each process keeps to one lane, with its points in order", () => {
  const lanes = lanesOf(matrix, 3);
  assertEquals(lanes.length, 3);
  const lanesByService = Map.groupBy(
    lanes.flatMap((lane, at) => lane.map(({ service }) => ({ service, at }))),
    (row) => row.service,
  );
  for (const rows of lanesByService.values()) assertEquals(new Set(rows.map(({ at }) => at)).size, 1);
  const dealt = lanes.flat().filter(({ service }) => service === "shipping").map(({ point }) => point.name);
  assertEquals(dealt, namesOf("shipping"));
});

Deno.test("a rare point counts the first time, any other another time in each round", () => {
  const row = matrix.find(({ point }) => point.name === "after commit")!;
  const rare = matrix.find(({ point }) => point.isRare)!;
  assertEquals([1, 2, 3].map((round) => passesOf(row, round)).sort(), [0, 1, 2]);
  assertEquals([1, 2, 3].map((round) => passesOf(rare, round)), [0, 0, 0]);
});
