import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { crashTable } from "./crash_report.ts";

Deno.test("the table names each point with its processes and the fewest orders that they were ended under", () => {
  const outcome = (service: string, point: string, inFlight: number) => ({
    service,
    point,
    inFlight,
    reachedAfterMs: 1,
  });
  const table = crashTable([
    outcome("orders", "swept", 60),
    outcome("catalog", "swept", 65),
    outcome("orders", "swept", 44),
    outcome("orders", "delivered", 50),
  ]);
  assertEquals(table.split("\n"), [
    "| point | what has happened by then | ended there (orders in flight) |",
    "| --- | --- | --- |",
    "| delivered | a message has come, nobody has looked at it | orders 50 |",
    "| swept | the sweep has leased rows, none is published | catalog 65, orders 44 |",
  ]);
});
