import { strictEqual as assertEquals, throws } from "node:assert/strict";
import { withComparison } from "./page.ts";

Deno.test("what stands before and behind the comparison stays", () => {
  const page = `Before\n${withComparison("", "old").replace("# Benchmarks\n\n", "")}Behind\n`;
  assertEquals(withComparison(page, "new"), page.replace("old", "new"));
});

Deno.test("a page without a place for the comparison is left alone", () => {
  throws(() => withComparison("Somebody's notes\n", "new"), /has no "<!-- begin:comparison/);
});
