import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { readOptions } from "./options.ts";

Deno.test("without options both parts are measured, at a tenth and at the whole of a million events", () => {
  assertEquals(readOptions([]), {
    parts: ["mesh", "sku"],
    events: [100_000, 1_000_000],
    keys: "time",
    orders: 100_000,
    rounds: 5,
    seconds: 6,
  });
});

Deno.test("every fault is told at once", () => {
  throws(() => readOptions(["--only", "mesh,shop", "--events", "9,8", "--rounds", "0", "--keys", "old"]), {
    message: 'Cannot measure histories: --only names "shop", which is neither mesh nor sku; ' +
      '--events is "9,8", not a short and a longer history; --keys is "old", not time or random; ' +
      '--rounds is "0", which is no whole number from 1 to 100',
  });
});

Deno.test("--help gives no options", () => {
  assertEquals(readOptions(["--help"]), undefined);
});
