import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { VerifiedTokens } from "./verified_tokens.ts";

Deno.test("VerifiedTokens knows a token by every character of it", () => {
  const tokens = new VerifiedTokens<string>(10);
  tokens.keep("a.b.c", "proof");
  assertEquals(["a.b.c", "a.b.C", "a.b.", "a.b.c "].map((token) => tokens.find(token)), [
    "proof",
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("VerifiedTokens forgets what it is told to, and what was proven longest ago", () => {
  const tokens = new VerifiedTokens<number>(2);
  tokens.keep("a", 1);
  tokens.keep("b", 2);
  tokens.keep("a", 3);
  tokens.keep("c", 4);
  assertEquals([tokens.find("a"), tokens.find("b"), tokens.find("c"), tokens.count], [3, undefined, 4, 2]);
  tokens.forget("a");
  assertEquals([tokens.find("a"), tokens.count], [undefined, 1]);
});
