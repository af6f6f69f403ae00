import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { readProxyRunOptions } from "./options.ts";

Deno.test("a run without options is the long one", () => {
  assertEquals(readProxyRunOptions([]), { orders: 5000, seed: 1, inFlight: 64, minutes: 60, hasNoFloors: false });
  assertEquals(readProxyRunOptions(["--orders", "50", "--no-floors", "--minutes=3"]), {
    orders: 50,
    seed: 1,
    inFlight: 64,
    minutes: 3,
    hasNoFloors: true,
  });
  assertEquals(readProxyRunOptions(["--help"]), undefined);
});

Deno.test("options that make no sense are refused with what is known", () => {
  throws(() => readProxyRunOptions(["--orders", "many"]), /--orders is "many", not a whole number from 1/);
  throws(() => readProxyRunOptions(["--orders="]), /--orders is ""/);
  throws(() => readProxyRunOptions(["--order", "5"]), /Cannot run: Unknown option '--order'/);
});
