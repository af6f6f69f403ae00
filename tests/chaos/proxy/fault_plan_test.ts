import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { type FaultName, faultNames } from "@mesh/testing/amqp-proxy";
import { longPlan, missingOf, shortPlan } from "./fault_plan.ts";

const firedOften = Object.fromEntries(faultNames.map((name) => [name, 200])) as Record<FaultName, number>;

Deno.test("a run in which a fault struck too rarely is short of it", () => {
  assertEquals(missingOf({ ...firedOften, stall: 10 }, longPlan), []);
  assertEquals(missingOf({ ...firedOften, "lose-ack": 199, stall: 9 }, longPlan), ["lose-ack", "stall"]);
});

Deno.test("every fault has a rate in every plan", () => {
  for (const { rates } of [shortPlan, longPlan]) {
    assertEquals(faultNames.filter((name) => !((rates[name] ?? 0) > 0)), []);
  }
});
