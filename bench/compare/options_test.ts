import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { readOptions } from "./options.ts";

Deno.test("without options everything is compared, in five runs", () => {
  const { contenders, loads, runs, durations } = readOptions([])!;
  assertEquals([contenders.length, loads, runs, durations], [
    7,
    ["saturation", "half", "200", "20"],
    5,
    { warmUpMs: 4_000, measureMs: 8_000, openMs: 8_000 },
  ]);
});

Deno.test("--quick is short, and its figures can still be set one by one", () => {
  const { runs, durations: { measureMs } } = readOptions(["--quick", "--runs", "3"])!;
  assertEquals([runs, measureMs], [3, 4_000]);
});

Deno.test("half the load is half of what saturation shows, so that is measured, too", () => {
  assertEquals(readOptions(["--loads", "half"])!.loads, ["saturation", "half"]);
});

Deno.test("--in-flight is for all", () => {
  const { contenders } = readOptions(["--only", "mesh,dbos", "--in-flight", "8"])!;
  assertEquals(contenders.map(({ name, inFlight }) => [name, inFlight]), [["mesh", 8], ["dbos", 8]]);
});

Deno.test("every fault is told at once", () => {
  throws(() => readOptions(["--only", "mesh,spring", "--loads", "30", "--runs", "0"]), {
    message: 'Cannot run the comparison: --only names "spring", which is no contender; ' +
      '--loads names "30", which is no load; --runs is "0", which is no whole number from 1 to 100',
  });
});

Deno.test("--help gives no options", () => {
  assertEquals(readOptions(["--help"]), undefined);
});
