import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { findPasswordFault, normalisePassword } from "./password_rules.ts";

const email = "mina.kim@example.com";

Deno.test("findPasswordFault counts characters, not units of some encoding", () => {
  const lengths = [11, 12, 128, 129];
  for (const character of ["ä", "한", "🍵"]) {
    const faults = lengths.map((length) => findPasswordFault(`x${character.repeat(length - 1)}`, email));
    assertEquals(faults, ["too-short", undefined, undefined, "too-long"]);
  }
});

Deno.test("findPasswordFault refuses what anybody would guess first, in any case", () => {
  const guesses = [
    "Password1234",
    "QWERTYUIOP12",
    "aaaaaaaaaaaa",
    "AaAaAaAaAaAa",
    "Mina.Kim@Example.com",
    "administrator",
  ];
  assertEquals(guesses.map((guess) => findPasswordFault(guess, email)), guesses.map(() => "too-common"));
});

Deno.test("findPasswordFault asks for no digits, capitals or signs", () => {
  assertEquals(findPasswordFault("just some plain words", email), undefined);
});

Deno.test("normalisePassword makes one password of two ways to type it", () => {
  assertEquals(normalisePassword("cafe\u0301 ﬁne １２３"), "café fine 123");
  assertEquals(normalisePassword("  spaces stay  "), "  spaces stay  ");
});
