import { createHash } from "node:crypto";
import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { ManualClock, murmur3, sequentialIds, sha256, slotOf, systemIds, timeOfUuidV7 } from "./mod.ts";

Deno.test("slotOf agrees with the published vectors", () => {
  assertEquals(["", "hello", "TEA-0001", "장터"].map(slotOf), [0, 7, 27, 60]);
});

const texts = [
  "",
  "a",
  "TEA-0001",
  "장터-😀",
  "\ud800",
  "\0",
  "é".repeat(200),
  "€".repeat(200),
  "x".repeat(201),
  "😀".repeat(5000),
];

Deno.test("slotOf hashes the key's UTF-8 bytes, whatever the key's length and whichever came before", () => {
  const encoder = new TextEncoder();
  assertEquals(texts.map(slotOf), texts.map((text) => murmur3(encoder.encode(text)) % 64));
  assertEquals(texts.toReversed().map(slotOf), texts.toReversed().map((text) => murmur3(encoder.encode(text)) % 64));
});

Deno.test("sha256 hashes text as its UTF-8 bytes", () => {
  const bytes = texts.map((text) => new TextEncoder().encode(text));
  const expected = bytes.map((content) => createHash("sha256").update(content).digest("base64url"));
  assertEquals([texts.map(sha256), bytes.map(sha256)], [expected, expected]);
});

Deno.test("systemIds puts the clock's time into the id", () => {
  const clock = new ManualClock(1_767_225_600_123);
  assertEquals(timeOfUuidV7(systemIds(clock).next()), 1_767_225_600_123);
});

Deno.test("sequentialIds draws valid UUIDv7 ids in rising order", () => {
  const ids = sequentialIds();
  const drawn = [ids.next(), ids.next(), ids.next()];
  ok(drawn.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)));
  assertEquals([...drawn].sort(), drawn);
});

Deno.test("ManualClock ends delays in the order of their due times", async () => {
  const clock = new ManualClock();
  const ended: string[] = [];
  const late = clock.delay(20).then(() => ended.push(`late at ${clock.monotonicMs()}`));
  const early = clock.delay(10).then(() => ended.push(`early at ${clock.monotonicMs()}`));
  await clock.advance(30);
  await Promise.all([late, early]);
  assertEquals(ended, ["early at 10", "late at 20"]);
});
