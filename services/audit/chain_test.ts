import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { chained } from "./chain.ts";
import type { Judged } from "./judge.ts";

/** `"2a<1"`: number 2, hash "2a", says that "1" came before. */
function event(text: string, reason?: string): Judged {
  const [hash = "", prv] = text.split("<");
  return {
    owner: "orders",
    envelope: "",
    hash,
    recordedAtMs: 0,
    ...(reason === undefined ? {} : { reason }),
    facts: { subject: "orders/o-1", n: Number.parseInt(hash), ...(prv === undefined ? {} : { prv }) },
  };
}
const chains = (events: readonly Judged[], head?: { n: number; hash: string }) =>
  chained(events, new Map(head === undefined ? [] : [["orders/o-1", head]])).map(({ chain }) => chain ?? "none");

Deno.test("a stream whose events follow one another is in order, from its first or from its head", () => {
  assertEquals(chains([event("1"), event("2<1"), event("3<2")]), ["ok", "ok", "ok"]);
  assertEquals(chains([event("8<7"), event("9<8")], { n: 7, hash: "7" }), ["ok", "ok"]);
});

Deno.test("a missing number is a gap, reported once", () => {
  assertEquals(chains([event("1"), event("3<2"), event("4<3")]), ["ok", "gap", "ok"]);
  assertEquals(chains([event("2<1")]), ["gap"]);
});

Deno.test("a second event at a number, and one that follows another than came, are forks", () => {
  assertEquals(chains([event("1"), event("2<1"), event("2b<1"), event("3<2")]), ["ok", "ok", "fork", "ok"]);
  assertEquals(chains([event("1"), event("2<x"), event("3<2")]), ["ok", "fork", "ok"]);
  assertEquals(chains([event("1")], { n: 4, hash: "4" }), ["fork"]);
});

Deno.test("an unproven event continues nothing and leaves a gap behind it", () => {
  assertEquals(chains([event("1"), event("2<1", "bad-signature"), event("3<2")]), ["ok", "none", "gap"]);
});

Deno.test("streams do not disturb one another", () => {
  const other = { ...event("1"), facts: { subject: "orders/o-2", n: 1 } };
  assertEquals(chains([event("1"), other, event("2<1")]), ["ok", "ok", "ok"]);
});
