import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { readOptions } from "./options.ts";

Deno.test("without options 2000 orders are measured at 64 and at 256 in flight", () => {
  const { orders, inFlight } = readOptions([])!;
  assertEquals([orders, inFlight], [2_000, [64, 256]]);
});

Deno.test("--quick is a smoke test whose figures can still be set one by one", () => {
  const { orders, inFlight, warmUp } = readOptions(["--quick", "--in-flight", "8"])!;
  assertEquals([orders, inFlight, warmUp], [200, [8], 32]);
});

Deno.test("every fault is told at once", () => {
  throws(() => readOptions(["--orders", "many", "--in-flight", "64,0"]), {
    message: 'Cannot run the bench: --in-flight is "0", which is no whole number from 1 to 4096; ' +
      '--orders is "many", which is no whole number from 1 to 1000000',
  });
});
