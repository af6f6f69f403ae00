import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { unreadFields } from "./watched_fields.ts";

// deno-lint-ignore no-explicit-any -- Stands for a compiled validator, which knows no types.
type Loose = any;

Deno.test("fields that a validator does not read are named with their place, at any depth and in lists", () => {
  const value = { a: 1, b: { c: 2, d: 3 }, e: [{ f: 4, g: 5 }], h: 6 };

  const unread = unreadFields(
    value,
    (watched: Loose) => [watched.a, watched.b.c, watched.e.map((each: Loose) => each.f)],
  );

  assertEquals(unread, ["b.d", "e[0].g", "h"]);
});

Deno.test("a map whose keys were listed holds nothing unknown, and what it holds is still watched", () => {
  const value = { labels: { any: "x", name: "y" }, inner: { one: { known: 1, other: 2 } } };

  const unread = unreadFields(value, (watched: Loose) => {
    for (const key in watched.labels) void watched.labels[key];
    for (const key in watched.inner) void watched.inner[key].known;
  });

  assertEquals(unread, ["inner.one.other"]);
});

Deno.test("an object that nobody looked into has only unknown fields", () => {
  assertEquals(unreadFields({ a: { b: 1 } }, (watched: Loose) => watched.a), ["a.b"]);
});
