import { deepStrictEqual as assertEquals } from "node:assert/strict";
import fc from "fast-check";
import { topicMatches } from "./mod.ts";

Deno.test("topicMatches reads * as exactly one word and # as any number of words", () => {
  const cases: readonly [string, string, boolean][] = [
    ["a.b", "a.b", true],
    ["a.b", "a.c", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*", "a.b.c", false],
    ["a.#", "a", true],
    ["a.#", "a.b.c", true],
    ["#", "", true],
    ["*", "", true],
    ["#.c", "a.b.c", true],
    ["#.c", "c", true],
    ["a.#.c", "a.c", true],
    ["a.#.*.c", "a.c", false],
    ["a.#.*.c", "a.x.c", true],
    ["*.*.*.k07.#", "s.n.v1.k07", true],
    ["*.*.*.k07.#", "s.n.v1.k07.c12", true],
    ["*.*.*.*.c07", "s.n.v1.k07", false],
    ["a.b", "a*b", false],
    ["a*", "ab", false],
  ];
  assertEquals(cases.map(([pattern, key]) => topicMatches(pattern, key)), cases.map(([, , isMatch]) => isMatch));
});

Deno.test("topicMatches agrees with a definition by trying every split", () => {
  const words = (alphabet: string[]) => fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      words(["a", "b", "*", "#"]),
      words(["a", "b"]),
      (pattern, key) => topicMatches(pattern.join("."), key.join(".")) === matchesByDefinition(pattern, key),
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("topicMatches stays quick on a pattern made to be slow", () => {
  const key = Array.from({ length: 120 }, () => "a").join(".");
  const pattern = `${Array.from({ length: 30 }, () => "#.a").join(".")}.b`;
  assertEquals(topicMatches(pattern, key), false);
});

function matchesByDefinition(pattern: readonly string[], key: readonly string[]): boolean {
  const [word, ...rest] = pattern;
  if (word === undefined) return key.length === 0;
  if (word === "#") {
    return key.some((_, at) => matchesByDefinition(rest, key.slice(at))) || matchesByDefinition(rest, []);
  }
  return key.length > 0 && (word === "*" || word === key[0]) && matchesByDefinition(rest, key.slice(1));
}
