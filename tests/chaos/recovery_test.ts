import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { firstIdOf } from "./recovery.ts";
import { barOf, recoveryTable } from "./recovery_report.ts";

Deno.test("the first id of a millisecond is not above any id of it, and above all earlier ones", () => {
  const id = systemIds().next();
  const ms = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
  assert(firstIdOf(ms) <= id && id < firstIdOf(ms + 1));
});

Deno.test("the table of recoveries shows the worst of each, beside its bar", () => {
  const recovery = (fault: string, ms: number) => ({
    fault,
    readyAfterMs: ms,
    progressAfterMs: 2 * ms,
    endedAfterMs: 4 * ms,
  });
  const table = recoveryTable([recovery("orders", 500), recovery("postgres", 1_000), recovery("orders", 700)]);
  assertEquals(table.split("\n").slice(2), [
    "| orders | 2 | 0.7 s | 1.4 s | 5 s | 2.8 s |",
    "| postgres | 1 | 1.0 s | 2.0 s | 20 s | 4.0 s |",
  ]);
  assertEquals(["audit", "rabbitmq", "postgres"].map(barOf), [5_000, 15_000, 20_000]);
});
