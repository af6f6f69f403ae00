import { ok, strictEqual } from "node:assert/strict";
import { KeySketch } from "./key_sketch.ts";

Deno.test("a sketch has every key that was added, and hardly another one", () => {
  const sketch = new KeySketch();
  const keys = Array.from({ length: 20_000 }, (_, at) => `0198d6f0-0000-7000-8000-${String(at).padStart(12, "0")}`);
  strictEqual(keys.some((key) => sketch.mayHave(key)), false);
  for (const key of keys) sketch.add(key);
  ok(keys.every((key) => sketch.mayHave(key)));
  ok(keys.filter((key) => sketch.mayHave(`${key} of another`)).length < 20);
});
