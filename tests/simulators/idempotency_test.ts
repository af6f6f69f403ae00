import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { createKeyStore } from "./idempotency.ts";

const record = { key: "k1", fingerprint: "POST /x", atMs: 1_000, answer: { status: 200, body: "{}" } };
const dayMs = 24 * 60 * 60 * 1000;

Deno.test("a key is known for a day and then forgotten", () => {
  const keys = createKeyStore();
  keys.put(record);

  assertEquals([keys.find("k1", dayMs), keys.find("k1", dayMs + 1_000), keys.find("k2", 0)], [
    record,
    undefined,
    undefined,
  ]);
});

Deno.test("the oldest key goes when there are too many", () => {
  const keys = createKeyStore(2);
  for (const key of ["k1", "k2", "k3"]) keys.put({ ...record, key });

  assertEquals(["k1", "k2", "k3"].map((key) => keys.find(key, 0)?.key), [undefined, "k2", "k3"]);
});

Deno.test("a key without an answer is unfinished until it gets one", () => {
  const keys = createKeyStore();
  const started = { key: "k1", fingerprint: "POST /x", atMs: 1_000 };
  keys.put(started);
  const before = keys.unfinished();
  keys.put(record);

  assertEquals([before, keys.unfinished()], [[started], []]);
});
