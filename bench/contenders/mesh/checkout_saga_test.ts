import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { sagaContracts } from "@mesh/saga";
import { checkout } from "./checkout_saga.ts";
import { behaviours, services } from "./services.ts";

Deno.test("every service of the compared saga has a behaviour that takes what the service says", () => {
  const told = services.map(({ name, accepts, subscribes }) => [
    name,
    [...accepts, ...subscribes.map(({ event }) => event)].map(({ type }) => type).sort(),
  ]);
  const taken = services.map(({ name }) => [name, behaviours[name]!.accepts.map(({ type }) => type).sort()]);
  assertEquals(told, taken);
});

Deno.test("each command of the compared saga is accepted by the service that it names", () => {
  const accepted = services.flatMap(({ accepts }) => accepts.map(({ type }) => type));
  const sent = sagaContracts([checkout]).sends.map(({ type }) => type);
  assertEquals(sent.filter((type) => !accepted.includes(type)), []);
});
